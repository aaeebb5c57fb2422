// A Node that is new enough for agents' programs: ours, or the one that is installed beside them.
import { existsSync } from "node:fs"
import { join } from "node:path"

export function node22() {
  if (Number(process.versions.node.split(".")[0]) >= 22) return process.execPath
  const beside = join(import.meta.dirname, `node_modules/node-linux-${process.arch}/bin/node`)
  if (!existsSync(beside)) throw new Error(`no Node 22: ${beside} is missing (script/agent_peers)`)
  return beside
}
