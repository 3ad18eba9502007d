/** Below zero when `one` is older than `other`: versions such as 0.8 and 0.8.17, a missing part is 0. NaN for what is no version. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [parts(one), parts(other)];
  if (left === undefined || right === undefined) return Number.NaN;
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parts(version: string): number[] | undefined {
  return /^\d+(\.\d+){0,2}$/.test(version) ? version.split('.').map(Number) : undefined;
}
