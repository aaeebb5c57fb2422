// Requests to the server. What it refuses becomes an ApiError with a sentence that can be shown.
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

const sentence = (status: number, body: unknown): string => {
  if (body && typeof body === "object") {
    const { message, data } = body as { message?: unknown; data?: { message?: unknown } }
    if (typeof data?.message === "string") return data.message
    if (typeof message === "string") return message
  }
  if (status === 401) return "The server wants a password. Reload the page to give it."
  return `The server answered ${status}.`
}

export interface Options {
  directory?: string | undefined
  query?: Record<string, string | number | boolean | undefined>
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

export async function request(method: string, path: string, options: Options = {}): Promise<Response> {
  const query = new URLSearchParams()
  if (options.directory) query.set("directory", options.directory)
  for (const [key, value] of Object.entries(options.query ?? {})) if (value !== undefined) query.set(key, String(value))
  const text = query.toString()
  const init: RequestInit = { method, headers: { accept: "application/json", ...options.headers } }
  if (options.signal) init.signal = options.signal
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body)
    init.headers = { ...init.headers, "content-type": "application/json" }
  }
  let response: Response
  try {
    response = await fetch(path + (text ? `?${text}` : ""), init)
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new ApiError(0, "The server cannot be reached.")
  }
  if (!response.ok) throw new ApiError(response.status, sentence(response.status, await response.json().catch(() => undefined)))
  return response
}

async function parsed<T>(response: Response): Promise<T> {
  const text = await response.text()
  return (text ? JSON.parse(text) : undefined) as T
}

export const get = async <T>(path: string, options?: Options) => parsed<T>(await request("GET", path, options))
export const post = async <T>(path: string, body: unknown = {}, options?: Options) =>
  parsed<T>(await request("POST", path, { ...options, body }))
export const patch = async <T>(path: string, body: unknown, options?: Options) =>
  parsed<T>(await request("PATCH", path, { ...options, body }))
export const put = async <T>(path: string, body: unknown, options?: Options) =>
  parsed<T>(await request("PUT", path, { ...options, body }))
export const remove = async <T>(path: string, options?: Options) => parsed<T>(await request("DELETE", path, options))
