// What a guest told, as one object, and all of them as a table for docs/hosts.md.

/** @param text lines of JSON, the last of which may be broken off. */
export function collect(text, { suite, version, end }) {
  const lines = text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return []; // empty, or broken off: a guest that was stopped
    }
  });
  const facts = Object.assign({}, ...lines.filter((line) => !('part' in line)));
  const parts = lines.filter((line) => 'part' in line);
  const doctor = facts.doctor === undefined ? undefined : parsed(facts.doctor);
  return { suite, version, end, ...facts, doctor, parts, complete: facts.complete === true };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text; // what it said instead
  }
}

export function table(all) {
  const rows = all.flatMap(({ suite, version, parts }) =>
    parts.map(
      ({ part, passed, failed, skipped, ended }) =>
        `| ${[suite, version, part, passed ?? `ended with ${ended}`, failed ?? '', skipped ?? ''].join(' | ')} |`,
    ),
  );
  return [
    '| suite | Linux | tests | passed | failed | skipped |',
    '| --- | --- | --- | ---: | ---: | ---: |',
    ...rows,
  ].join('\n');
}
