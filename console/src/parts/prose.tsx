import { Code } from '@mantine/core';
import { Fragment, type ReactNode } from 'react';

/** Text of the server, in which what stands between backticks is code. */
export function Prose({ text }: { text: string }): ReactNode {
  const parts = text.split('`');
  // A backtick that nothing closes is only a character.
  if (parts.length % 2 === 0) return text;
  // oxlint-disable-next-line react/no-array-index-key -- the parts are those of one text, in its order
  return parts.map((part, index) =>
    index % 2 === 1 ? (
      <Code key={index} className="in-prose">
        {part}
      </Code>
    ) : (
      part
    ),
  );
}

/** A name that may be long: it breaks after `/ _ : @ #` before it breaks inside a word. */
export function Name({ text }: { text: string }): ReactNode {
  return text.split(/(?<=[/_:@#])/).map((part, index) => (
    // oxlint-disable-next-line react/no-array-index-key -- the parts are those of one name, in its order
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}
