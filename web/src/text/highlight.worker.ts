// Colours code away from the page's thread.
import hljs from "highlight.js/lib/core"
import bash from "highlight.js/lib/languages/bash"
import c from "highlight.js/lib/languages/c"
import cpp from "highlight.js/lib/languages/cpp"
import csharp from "highlight.js/lib/languages/csharp"
import css from "highlight.js/lib/languages/css"
import diff from "highlight.js/lib/languages/diff"
import dockerfile from "highlight.js/lib/languages/dockerfile"
import go from "highlight.js/lib/languages/go"
import java from "highlight.js/lib/languages/java"
import javascript from "highlight.js/lib/languages/javascript"
import json from "highlight.js/lib/languages/json"
import kotlin from "highlight.js/lib/languages/kotlin"
import markdown from "highlight.js/lib/languages/markdown"
import php from "highlight.js/lib/languages/php"
import python from "highlight.js/lib/languages/python"
import ruby from "highlight.js/lib/languages/ruby"
import rust from "highlight.js/lib/languages/rust"
import sql from "highlight.js/lib/languages/sql"
import swift from "highlight.js/lib/languages/swift"
import typescript from "highlight.js/lib/languages/typescript"
import xml from "highlight.js/lib/languages/xml"
import yaml from "highlight.js/lib/languages/yaml"

const languages = { bash, c, cpp, csharp, css, diff, dockerfile, go, java, javascript, json, kotlin, markdown, php, python, ruby, rust, sql, swift, typescript, xml, yaml }
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language)
hljs.registerAliases(["tsx", "mts", "cts"], { languageName: "typescript" })
hljs.registerAliases(["jsx", "mjs", "cjs"], { languageName: "javascript" })
hljs.registerAliases(["h", "hpp", "cc", "cxx"], { languageName: "cpp" })
hljs.registerAliases(["jsonc", "json5"], { languageName: "json" })

self.onmessage = ({ data }: MessageEvent<{ id: number; code: string; language: string }>) => {
  const language = hljs.getLanguage(data.language) ? data.language : undefined
  const html = language ? hljs.highlight(data.code, { language, ignoreIllegals: true }).value : undefined
  self.postMessage({ id: data.id, html })
}
