/** The one style sheet of a page; allowed by its digest in the page's security policy. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1d2327; --soft: #5c6670; --paper: #fff; --line: #d5dadf; --panel: #f4f6f8;
  --deny: #b3261e; --warn: #9a6700; --info: #0b6bcb; --pass: #1a7f37;
  --header: #7a5cc2; --code: #3572b0; --loader: #1d9a9a; --archive: #c77d1e; --member: #e3b23c; --weights: #5f9e53;
  --padding: #dde2e6; --unaccounted: #d62f2f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5af; --paper: #14181b; --line: #353d44;
  --panel: #1d2327; --deny: #ff8a80; --warn: #e3b341; --info: #79b8ff; --pass: #56d364; --padding: #3a434b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem 1.25rem 5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 { font-size: .95rem; margin: 1.2rem 0 .4rem; color: var(--soft); font-weight: 600; overflow-wrap: anywhere; }
p { margin: .3rem 0; } code, td.mono, .mono { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
.badge { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-weight: 600; color: var(--paper);
  background: var(--soft); } .badge.deny { background: var(--deny); } .badge.warn { background: var(--warn); }
.badge.info { background: var(--info); } .badge.pass { background: var(--pass); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .6rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; }
th { text-align: left; color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--line); padding: .25rem 1.4rem .25rem 0; }
td { vertical-align: top; padding: .2rem 1.4rem .2rem 0; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr:target, tr.chosen { background: var(--panel); outline: 2px solid var(--info); }
details { margin: .5rem 0; } summary { cursor: pointer; }
svg.bar { display: block; width: 100%; height: auto; margin: .2rem 0 .8rem; }
svg .tick { stroke: var(--line); } svg text.tick { stroke: none; fill: var(--soft); font: 11px system-ui, sans-serif; }
svg .header { fill: var(--header); } svg .code { fill: var(--code); } svg .loader { fill: var(--loader); }
svg .archive { fill: var(--archive); } svg .member { fill: var(--member); } svg .weights { fill: var(--weights); }
svg .padding { fill: var(--padding); } svg .unaccounted { fill: var(--unaccounted); }
svg .unknown { fill: var(--ink); opacity: .3; } svg .flag.deny { fill: var(--deny); } svg .flag.warn { fill: var(--warn); }
svg .flag.info { fill: var(--info); } svg .cell:hover rect, svg .cell.chosen rect { opacity: .75; } svg .cell { cursor: pointer; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; color: var(--soft); font-size: .85rem; }
.legend svg { width: 12px; height: 12px; vertical-align: -1px; margin-right: .35rem; }
.finding { border-left: 4px solid var(--soft); background: var(--panel); padding: .5rem .9rem; margin: .6rem 0; }
.finding.deny { border-color: var(--deny); } .finding.warn { border-color: var(--warn); } .finding.info { border-color: var(--info); }
#panel { position: sticky; top: 0; z-index: 1; min-height: 3.1rem; background: var(--panel); border: 1px solid var(--line);
  border-radius: .4rem; padding: .45rem .8rem; font-size: .88rem; white-space: pre-line; overflow-wrap: anywhere; }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
@media print { #panel { display: none; } body { max-width: none; } }
`;

/** Shows the region under the pointer in the panel, and its row when it is chosen. Without it the page is whole. */
export const SCRIPT = `
'use strict';
const panel = document.getElementById('panel');
const cells = document.querySelectorAll('.cell');
const idle = panel.textContent;
let chosen = [];
for (const cell of cells) {
  const title = cell.querySelector('title').textContent;
  cell.addEventListener('pointerenter', () => { panel.textContent = title; });
  cell.addEventListener('pointerleave', () => { panel.textContent = idle; });
  cell.addEventListener('click', () => {
    for (const one of chosen) one.classList.remove('chosen');
    const row = document.getElementById('region-' + cell.dataset.region);
    chosen = row === null ? [cell] : [cell, row];
    for (const one of chosen) one.classList.add('chosen');
    const folded = row === null ? null : row.closest('details');
    if (folded !== null) folded.open = true;
    if (row !== null) row.scrollIntoView({ block: 'center' });
  });
}
document.documentElement.dataset.ready = 'yes';
`;
