import { complain, maybeFlag, maybeObject, maybeText, text, texts } from '../json-node.ts';
import { policyDocument } from './policy-document.ts';
import type { Row } from './row.ts';
import { named, partition } from './storage.ts';
import { encryptedWith } from './stores.ts';

/** Queues and topics. */
export const MESSAGING_ROWS: readonly Row[] = [
  {
    operation: 'sns-list-topics',
    list: 'Topics',
    map(node, call) {
      const arn = text(node, 'TopicArn');
      if (arn !== undefined)
        call.inventory.add(call, node, { kind: 'topic', arn, native: arn.split(':').at(-1) ?? arn });
    },
  },
  attributesOf('sns-get-topic-attributes', 'topic'),
  {
    operation: 'sqs-list-queues',
    map(node, call) {
      for (const url of texts(node, 'QueueUrls')) {
        const [account, name] = url.split('/').slice(-2);
        if (account === undefined || name === undefined)
          complain(node, 'QueueUrls', `holds \`${url}\`, not a queue address`);
        else
          call.inventory.add(call, node, {
            kind: 'queue',
            arn: `arn:${partition(call.region)}:sqs:${call.region}:${account}:${name}`,
            native: name,
            attributes: { url },
          });
      }
    },
  },
  attributesOf('sqs-get-queue-attributes', 'queue'),
];

function attributesOf(operation: string, kind: string): Row {
  return {
    operation,
    detail: true,
    map(node, call) {
      const draft = named(node, call, kind);
      const inner = maybeObject(node, 'Attributes');
      if (draft === undefined || inner === undefined) return;
      const key = maybeText(inner, 'KmsMasterKeyId');
      call.inventory.enrich(draft, inner, {
        policy: policyDocument(inner, 'Policy'),
        kmsKeyId: key,
        encrypted: maybeFlag(inner, 'SqsManagedSseEnabled'),
      });
      for (const { type, to } of encryptedWith(key)) call.inventory.relate(draft, type, to);
    },
  };
}
