// Whether the server under test was built with a sanitizer (script/test sets their options for those builds alone): its
// bookkeeping is not the server's memory, and it ends a faulty program itself.
export const sanitized = Boolean(process.env.ASAN_OPTIONS || process.env.TSAN_OPTIONS)
