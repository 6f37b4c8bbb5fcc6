import { Duplex, type Readable, type Writable } from 'node:stream';

/** Standard input and output as one connection. To break it off is no error of either: the streams of the process outlive it. */
export function stdioOf(input: Readable, output: Writable): Duplex {
  const duplex = new Duplex({
    read: () => {
      input.resume();
    },
    write: (chunk: Buffer, _encoding, taken) => {
      output.write(chunk, taken);
    },
    final: (done) => {
      output.end(done);
    },
    destroy: (_error, done) => {
      input.destroy();
      done(null);
    },
  });
  input.on('data', (chunk: Buffer) => {
    if (!duplex.push(chunk)) input.pause();
  });
  input.on('end', () => duplex.push(null));
  input.on('error', () => duplex.destroy());
  return duplex;
}
