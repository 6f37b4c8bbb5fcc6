// What a run of node:test amounted to, per file and in all.

/**
 * @typedef {object} FileResult
 * @property {string} file
 * @property {number} passed
 * @property {number} failed
 * @property {{ name: string, reason: string }[]} skipped
 * @property {{ name: string, error: unknown }[]} failures
 * @property {string[]} output lines the file printed
 * @property {number} milliseconds
 */

const KEPT_LINES = 60;
// Only data that a clone does not contain, and programs that Debian does not package, may be missing where system tests are
// required. Any other skip is one that a prepared machine could have run, so it counts: an unknown reason must not hide a test.
const MISSING_DATA = /test data|shared\/data|not part of (the|a) clone|no Debian package/;

/**
 * Whether a skip is one that a machine with all system packages and root would not have had.
 * @param {string} reason
 */
export function isSystemSkip(reason) {
  return !MISSING_DATA.test(reason);
}

/** Collects the events of a run. */
export class Tally {
  /** @type {Map<string, FileResult>} */
  files = new Map();
  /** @type {Map<string, string[]>} open suites and parents by file, outermost first */
  #parents = new Map();

  /**
   * @param {string} file
   * @returns {FileResult}
   */
  of(file) {
    const known = this.files.get(file);
    if (known !== undefined) return known;
    const fresh = { file, passed: 0, failed: 0, skipped: [], failures: [], output: [], milliseconds: 0 };
    this.files.set(file, fresh);
    return fresh;
  }

  /** @param {{ name: string, nesting: number, file?: string }} data */
  started(data) {
    const parents = this.#parents.get(data.file ?? '') ?? [];
    this.#parents.set(data.file ?? '', [...parents.slice(0, data.nesting), data.name]);
  }

  /**
   * @param {any} data of test:pass or test:fail
   * @param {boolean} passed
   * @param {boolean} isNamed whether only some names were asked for, so that a file may have nothing to run
   */
  ended(data, passed, isNamed) {
    const file = this.of(data.file ?? '');
    const path = [...(this.#parents.get(data.file ?? '') ?? []).slice(0, data.nesting), data.name].join(' › ');
    if (data.nesting === 0) file.milliseconds += data.details?.duration_ms ?? 0;
    if (data.nesting === 0 && data.name === data.file) this.#fileEnded(file, passed, isNamed, data);
    else if (data.skip !== undefined)
      file.skipped.push({ name: path, reason: String(data.skip === true ? '' : data.skip) });
    else if (data.todo !== undefined) file.skipped.push({ name: path, reason: `to do: ${String(data.todo)}` });
    else if (data.details?.type === 'suite' && (passed || isOnlyChildren(data))) return;
    else if (passed) file.passed += 1;
    else {
      file.failed += 1;
      if (!isOnlyChildren(data)) file.failures.push({ name: path, error: data.details?.error });
    }
  }

  /**
   * node:test reports a file as one test when it held none, or when its process died.
   * @param {FileResult} file
   * @param {boolean} passed
   * @param {boolean} isNamed
   * @param {any} data
   */
  #fileEnded(file, passed, isNamed, data) {
    if (passed && isNamed) return;
    file.failed += 1;
    file.failures.push(
      passed
        ? { name: 'the file', error: new Error('no test ran in this file') }
        : { name: 'the file', error: data.details?.error },
    );
  }

  /**
   * @param {string} file
   * @param {string} text
   */
  printed(file, text) {
    const result = this.of(file);
    result.output.push(...text.replace(/\n$/, '').split('\n'));
    result.output.splice(0, result.output.length - KEPT_LINES);
  }

  totals() {
    const files = [...this.files.values()];
    const sum = (/** @type {(file: FileResult) => number} */ of) => files.reduce((total, file) => total + of(file), 0);
    return {
      passed: sum((file) => file.passed),
      failed: sum((file) => file.failed),
      skipped: files.flatMap((file) => file.skipped.map((skip) => ({ ...skip, file: file.file }))),
    };
  }
}

/** @param {any} data */
function isOnlyChildren(data) {
  return data.details?.error?.failureType === 'subtestsFailed';
}
