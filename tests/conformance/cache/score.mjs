// The verdict of every test, by the suite's own judge. node score.mjs <suite> <results.json>
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [suite, results] = process.argv.slice(2)
const load = file => import(pathToFileURL(path.resolve(suite, file)))
const groups = (await load('tests/index.mjs')).default
const { determineTestResult, resultTypes } = await load('test-engine/lib/results.mjs')
const found = JSON.parse(fs.readFileSync(results, 'utf8'))

const verdicts = []
for (const group of groups) {
  for (const test of group.tests) {
    if (test.browser_only) continue
    const result = determineTestResult(groups, test.id, found)
    const passed = result === resultTypes.pass || result === resultTypes.yes
    const said = found[test.id]
    const why = passed || said === undefined || said === true ? '' : String(said[1])
    verdicts.push({ group: group.id, id: test.id, kind: test.kind ?? 'required', passed, why })
  }
}
console.log(JSON.stringify(verdicts))
