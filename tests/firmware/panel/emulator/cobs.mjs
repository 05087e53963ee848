// Another COBS than ours: each line of stdin, in hexadecimal, is answered by its stuffing and by what its stuffing gives back.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const { encode, decode } = createRequire(import.meta.url)('cobs');
for await (const text of createInterface({ input: process.stdin })) {
  const stuffed = encode(Buffer.from(text, 'hex'));
  console.log(`${stuffed.toString('hex')} ${decode(stuffed).toString('hex')}`);
}
