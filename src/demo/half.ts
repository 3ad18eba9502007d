/** Numbers as IEEE 754 binary16, little-endian, rounded to the nearest; beyond ±65504 they become infinite. */
export function halves(numbers: Float32Array): Buffer {
  const out = Buffer.alloc(numbers.length * 2);
  for (const [index, number] of numbers.entries()) out.writeUInt16LE(half(number), index * 2);
  return out;
}

function half(number: number): number {
  const sign = number < 0 || Object.is(number, -0) ? 0x8000 : 0;
  const size = Math.abs(number);
  if (Number.isNaN(number)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  // Below 2^-14 the spacing stays 2^-24; a fraction that rounds up to 1024 carries into the exponent by itself.
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const fraction = Math.round((size / 2 ** exponent) * 1024);
  const bits = exponent === -14 ? fraction : ((exponent + 14) << 10) + fraction;
  return sign | bits;
}
