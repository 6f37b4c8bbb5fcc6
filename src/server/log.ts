/** Where the server says what nobody asked for. Fields are for machines; the message is a sentence. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
