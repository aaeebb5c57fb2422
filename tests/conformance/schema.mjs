// As much of JSON Schema as OpenAPI documents of OpenCode use. Answers what is wrong, as sentences.
export function problems(schema, value, document, at = "$", depth = 0) {
  if (schema === true || schema === undefined || depth > 40) return []
  if (schema.$ref) return problems(resolve(schema.$ref, document), value, document, at, depth + 1)
  const inside = (part, item, where) => problems(part, item, document, where, depth + 1)
  const found = []
  for (const part of schema.allOf ?? []) found.push(...inside(part, value, at))
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) {
    const attempts = choices.map((choice) => inside(choice, value, at))
    if (!attempts.some((attempt) => attempt.length === 0)) {
      // The nearest alternative tells most.
      found.push(...attempts.sort((a, b) => a.length - b.length)[0])
    }
  }
  if ("const" in schema && value !== schema.const) found.push(`${at}: ${JSON.stringify(value)} is not ${JSON.stringify(schema.const)}`)
  if (schema.enum && !schema.enum.includes(value)) found.push(`${at}: ${JSON.stringify(value)} is none of ${schema.enum.join(", ")}`)
  const types = [schema.type ?? []].flat()
  if (types.length > 0 && !types.some((type) => isA(type, value))) return [...found, `${at}: ${types} expected, got ${JSON.stringify(value)?.slice(0, 60)}`]
  if (typeof value === "string" && schema.pattern && !new RegExp(schema.pattern).test(value)) found.push(`${at}: ${value} does not match ${schema.pattern}`)
  if (typeof value === "number") {
    if (schema.minimum !== undefined && value < schema.minimum) found.push(`${at}: ${value} < ${schema.minimum}`)
    if (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum) found.push(`${at}: ${value} <= ${schema.exclusiveMinimum}`)
  }
  if (Array.isArray(value) && schema.items) {
    for (const [index, item] of value.slice(0, 200).entries()) found.push(...inside(schema.items, item, `${at}[${index}]`))
  }
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    for (const name of schema.required ?? []) if (!(name in value)) found.push(`${at}.${name} is missing`)
    for (const [name, item] of Object.entries(value)) {
      if (schema.properties?.[name]) found.push(...inside(schema.properties[name], item, `${at}.${name}`))
      else if (schema.additionalProperties && typeof schema.additionalProperties === "object") {
        found.push(...inside(schema.additionalProperties, item, `${at}.${name}`))
      } else if (schema.additionalProperties === false && !matchesPattern(schema, name)) found.push(`${at}.${name} is not in the schema`)
    }
  }
  return found
}

const matchesPattern = (schema, name) => Object.keys(schema.patternProperties ?? {}).some((pattern) => new RegExp(pattern).test(name))

function isA(type, value) {
  if (type === "null") return value === null
  if (type === "array") return Array.isArray(value)
  if (type === "object") return value !== null && typeof value === "object" && !Array.isArray(value)
  if (type === "integer") return Number.isInteger(value)
  return typeof value === type
}

function resolve(reference, document) {
  return reference
    .replace(/^#\//, "")
    .split("/")
    .reduce((at, name) => at?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], document)
}
