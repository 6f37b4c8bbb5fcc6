// The reference page of the `cordon` command, from its table.
import { CHAPTERS } from '../../src/cli/command-table.ts';
import { COMMON_OPTIONS, SERVER_OPTIONS } from '../../src/cli/command.ts';
import { labelOf, usageOf } from '../../src/cli/help.ts';

/** @typedef {import('../../src/cli/command.ts').CommandRow} CommandRow */
/** @typedef {import('../../src/cli/command.ts').OptionRow} OptionRow */

/** @param {readonly OptionRow[]} options */
function optionTable(options) {
  const rows = options.map((option) => `| \`${labelOf(option)}\` | ${option.doc} |`);
  return ['| option | meaning |', '|---|---|', ...rows].join('\n');
}

/** @param {CommandRow} row */
function renderCommand(row) {
  const group = row.name.split(' ')[0];
  return [
    `### cordon ${row.name}`,
    [
      row.summary,
      ...(row.isDefault === true ? [`\`cordon ${group}\` alone means this.`] : []),
      ...(row.details ?? []),
    ].join('\n'),
    `\`\`\`sh\n${usageOf(row)}\n\`\`\``,
    ...((row.options ?? []).length === 0 ? [] : [optionTable(row.options ?? [])]),
    `\`\`\`sh\n${row.examples.join('\n')}\n\`\`\``,
  ].join('\n\n');
}

/** @returns {string} */
export function renderCli() {
  const chapters = CHAPTERS.map(
    ({ title, rows }) => `## ${title[0]?.toUpperCase()}${title.slice(1)}\n\n${rows.map(renderCommand).join('\n\n')}`,
  );
  return `# Commands

\`cordon help\` lists the commands, \`cordon COMMAND --help\` shows one. From a clone they are called as \`npm run cordon -- COMMAND\`
or \`bin/cordon.js COMMAND\`.

- Results go to standard output, everything else to standard error.
- Exit codes: 0 done; 1 a negative answer (denied, different, broken); 2 misuse or failure.
- A failure says \`error:\` what happened and where, then \`hint:\` what to do next. Codes are in [errors.md](errors.md).
- With \`--json\` the result is one JSON document with stable field names; a stream is one document per line. A failure is then one line of
  JSON on standard error, \`{"error":{"code":…,"message":…,"hint":…,"problems":[…],"correlationId":…}}\`.
- Where a command takes an \`ID\`, a name, the last part of the id, or the beginning of any of them does too, as long as it fits one thing only.
- Tables are fitted to the terminal; into a pipe nothing is shortened. \`NO_COLOR\` switches colours off. Names, labels and events are
  shown without the control characters in them, so that they cannot act upon the terminal.

Options of every command:

${optionTable(COMMON_OPTIONS)}

Commands that ask the running server find it by its control socket: \`--socket\`, else \`--data\`, else \`$CORDON_CONTROL\`, else \`control.sock\`
in the data directory of the configuration. Whoever may open that socket, the user that runs Cordon, is its operator. They take:

${optionTable(SERVER_OPTIONS)}

${chapters.join('\n\n')}
`;
}
