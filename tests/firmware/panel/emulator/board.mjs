// The panel: an emulated RP2040 that starts as the real one does, from the UF2 file given, and runs at the pace of the clock on the wall.
//
// board.mjs IMAGE.uf2 DESCRIPTOR
// stdin and stdout are the serial line, byte for byte, at the speed the firmware has set. The descriptor carries questions and answers,
// one JSON object per line: {"button": true}, {"sample": {"for": 2000, "every": 10}}, {"hang": true}, {"power": true},
// {"kept": [0, 0, 0]}, {"state": true}.
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { GPIOPinState, RP2040 } from 'rp2040js';
import { decodeBlock, familyMap } from 'uf2';

const FLASH = 0x10000000;
const BOOT_RAM = 0x20041f00;
const CYCLE_NANOS = 1e9 / 12e6;
const MILLISECOND = 1e6;
const BUTTON = 6;
const RESET_LINE = 7;
const LAMPS = [2, 3, 4, 5];

// What a programmer would write to the flash, as a UF2 reader that is not ours understands the file.
function flashOf(path) {
  const file = readFileSync(path);
  const parts = [];
  for (let at = 0; at < file.length; at += 512) {
    const block = decodeBlock(new Uint8Array(file.subarray(at, at + 512)));
    if (!/rp2040/i.test(familyMap.get(block.boardFamily) ?? '')) throw new Error('not for an RP2040');
    if (block.blockNumber !== at / 512 || block.totalBlocks * 512 !== file.length) throw new Error('blocks missing');
    parts.push({ at: block.flashAddress - FLASH, bytes: block.payload.slice() });
  }
  return parts;
}

function crc32mpeg2(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

class Board {
  constructor(flash, toLine) {
    this.flash = flash;
    this.toLine = toLine;
    this.pressed = false;
    this.fromLine = [];
    this.resets = [];
    this.complaints = [];
    this.before = 0; // nanoseconds lived by the chips before this one
    this.restarts = 0;
    this.start(null);
  }

  // As the boot ROM does: nothing runs unless the checksum of the boot block is right.
  start(kept) {
    const chip = new RP2040();
    const complain = (_, text) => this.complaints.push(text);
    chip.logger = { debug() {}, info() {}, warn: complain, error: complain };
    for (const { at, bytes } of this.flash) chip.flash.set(bytes, at);
    this.chip = chip;
    this.restart = false;
    this.nextByte = 0;
    const stored = new DataView(chip.flash.buffer).getUint32(252, true);
    this.dead = crc32mpeg2(chip.flash.subarray(0, 252)) !== stored;
    chip.sram.set(chip.flash.subarray(0, 256), BOOT_RAM - 0x20000000);
    chip.core.VTOR = 0;
    chip.core.LR = 0;
    chip.core.SP = BOOT_RAM;
    chip.core.PC = BOOT_RAM;
    chip.uart[0].onByte = (byte) => this.toLine(byte);
    this.watchdog = chip.peripherals[0x40058];
    this.watchdog.onWatchdogTrigger = () => {
      this.watchdog.timer.enable = false; // or the emulator would fire it again within the same instant, for ever
      this.restart = true;
    };
    if (kept) {
      this.watchdog.scratchData.set(kept);
      this.watchdog.reason = 1;
    }
    this.note = chip.gpio[RESET_LINE].addListener(() => this.noteReset());
  }

  get now() {
    return this.before + this.chip.clock.nanos;
  }

  get pulled() {
    return this.chip.gpio[RESET_LINE].value === GPIOPinState.Low;
  }

  get lamps() {
    return LAMPS.reduce((bits, pin, rank) => bits | (this.chip.gpio[pin].value === GPIOPinState.High ? 1 << rank : 0), 0);
  }

  noteReset() {
    const last = this.resets.at(-1);
    if (this.pulled) this.resets.push({ at: this.now / MILLISECOND, lasted: null });
    else if (last && last.lasted === null) last.lasted = this.now / MILLISECOND - last.at;
  }

  replace(kept) {
    this.before = this.now;
    this.note();
    this.start(kept);
    this.noteReset(); // the pins of a chip that restarts let go
  }

  // A byte takes ten bits of the line; a receiver that is full loses it, as on the bench.
  feed() {
    const { clock, uart } = this.chip;
    if (clock.nanos < this.nextByte || !uart[0].enabled) return;
    this.nextByte = clock.nanos + 1e10 / uart[0].baudRate;
    uart[0].feedByte(this.fromLine.shift());
  }

  // The button pulls its pin to ground; let go, the pin is high only if the chip pulls it up.
  setButton() {
    const button = this.chip.gpio[BUTTON];
    const level = this.pressed ? false : button.pullupEnabled;
    if (button.rawInputValue !== level) button.setInputValue(level);
  }

  // A chip that sleeps is taken straight to what wakes it: its timer, a byte, or the end.
  sleep(end) {
    const { clock } = this.chip;
    this.setButton();
    const byte = this.fromLine.length > 0 ? Math.max(this.nextByte - clock.nanos, 1000) : Infinity;
    clock.tick(Math.min(clock.nanosToNextAlarm || Infinity, byte, end - clock.nanos));
  }

  runUntil(nanos) {
    for (;;) {
      if (this.dead) {
        this.before = nanos;
        return;
      }
      const { core, clock } = this.chip;
      const end = nanos - this.before;
      while (clock.nanos < end && !this.restart) {
        if (this.fromLine.length > 0) this.feed();
        if (core.waiting) this.sleep(end);
        else clock.tick(core.executeInstruction() * CYCLE_NANOS);
      }
      if (!this.restart) return;
      this.restarts += 1;
      this.replace(this.watchdog.scratchData);
    }
  }

  // The processor runs in circles, deaf to interrupts: only the chip's watchdog is left.
  hang() {
    const { chip } = this;
    chip.sram.set([0xfe, 0xe7], 0x30000);
    chip.core.PM = true;
    chip.core.waiting = false;
    chip.core.PC = 0x20030000;
  }

  state() {
    const { lamps, pulled, dead, restarts, resets, complaints } = this;
    return { now: this.now / MILLISECOND, lamps, pulled, dead, restarts, resets, complaints, baud: this.chip.uart[0].baudRate };
  }
}

const board = new Board(flashOf(process.argv[2]), (byte) => process.stdout.write(Buffer.of(byte)));
const control = new Socket({ fd: Number(process.argv[3]) });
let ahead = 0; // nanoseconds that samples took out of turn
const wall = () => Number(process.hrtime.bigint() - begun) + ahead;
const begun = process.hrtime.bigint();

function answer(question) {
  if (question.button !== undefined) board.pressed = question.button;
  if (question.hang) board.hang();
  if (question.power) board.replace(null);
  if (question.kept) board.replace(Uint32Array.from([...question.kept, 0, 0, 0, 0, 0])); // as after a restart of the chip alone
  if (question.sample) {
    const samples = [];
    const from = board.now;
    const until = from + question.sample.for * MILLISECOND;
    for (let at = from; at < until; at += question.sample.every * MILLISECOND) {
      samples.push([board.lamps, board.pulled ? 1 : 0]);
      board.runUntil(Math.min(at + question.sample.every * MILLISECOND, until));
    }
    ahead += board.now - from;
    return { ...board.state(), samples };
  }
  return board.state();
}

process.stdin.on('data', (bytes) => board.fromLine.push(...bytes));
process.stdin.on('end', () => process.exit(0));
createInterface({ input: control })
  .on('line', (text) => control.write(JSON.stringify(answer(JSON.parse(text))) + '\n'))
  .on('close', () => process.exit(0));
setInterval(() => board.runUntil(Math.min(wall(), board.now + 200 * MILLISECOND)), 2);
