"""The style of the HTML report: one sheet, dark and light by the reader's preference, and for print."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1f24; --soft: #57606a; --line: #d5dae0; --band: #f4f6f8; --accent: #0b5cad;
  --good: #1a7f4b; --bad: #b3261e; --track: #e3e7ec; --inside: #10151a;
  --c0: #2b6cb0; --c1: #d9822b; --c2: #2f9e6e; --c3: #b8508f; --c4: #7a6bc4; --c5: #c9a400; --c6: #4aa3c7;
  --c7: #7d8793;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e6e9ed; --soft: #a3acb6; --line: #363d46; --band: #1d2228; --accent: #7db7f0;
    --good: #5fcf96; --bad: #ff8a80; --track: #2c333b; --inside: #10151a;
    --c0: #5b9be0; --c1: #f0a050; --c2: #54c795; --c3: #dd82b8; --c4: #a598ec; --c5: #e3c544; --c6: #7cc6e4;
    --c7: #9aa4b0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", sans-serif; }
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 20px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 32px 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 44px 0 12px; padding-top: 8px; border-top: 2px solid var(--line); }
p { max-width: 75ch; overflow-wrap: anywhere; }
ul { padding-left: 1.3em; max-width: 90ch; overflow-wrap: anywhere; }
#answer h2 { border: 0; margin-top: 16px; padding: 0; }
#answer > p { font-size: 1.1rem; }
.status { display: inline-block; padding: 2px 10px; border: 1px solid currentColor; border-radius: 12px; }
.status { font-weight: 600; }
.optimal { color: var(--good); } .feasible { color: var(--accent); } .infeasible, .no_solution { color: var(--bad); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; max-width: none; }
a { color: var(--accent); }
.skip { position: absolute; left: -999px; } .skip:focus { position: static; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
dl.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 12px; margin: 20px 0; }
dl.figures div { background: var(--band); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
dl.figures dt { color: var(--soft); font-size: 0.85rem; }
dl.figures dd { margin: 0; overflow-wrap: anywhere; font-size: 1.2rem; font-weight: 600; }
dl.figures dd { font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin: 16px 0; }
table { border-collapse: collapse; font-size: 0.9rem; min-width: 40%; }
caption { text-align: left; font-weight: 600; padding: 4px 0; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th, thead th.right { background: var(--band); font-weight: 600; white-space: normal; }
tbody th { font-weight: 500; }
td, tbody th { overflow-wrap: break-word; max-width: 46ch; }
.right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.total > * { font-weight: 700; border-top: 2px solid var(--ink); }
details { margin: 16px 0; } summary { cursor: pointer; font-weight: 600; }
figure { margin: 16px 0; } figcaption { font-weight: 600; margin-bottom: 4px; }
svg { display: block; width: 100%; max-width: 760px; height: auto; } svg.narrow { max-width: 540px; }
svg text { font: 13.5px system-ui, "Segoe UI", sans-serif; fill: var(--ink); }
svg text { pointer-events: none; }
svg .soft { fill: var(--soft); } svg .axis { stroke: var(--line); } svg .track { fill: var(--track); }
svg .mark { stroke: var(--ink); stroke-width: 2; } svg .good { fill: var(--c2); } svg .bad { fill: var(--bad); }
svg .c0 { fill: var(--c0); } svg .c1 { fill: var(--c1); } svg .c2 { fill: var(--c2); } svg .c3 { fill: var(--c3); }
svg .c4 { fill: var(--c4); } svg .c5 { fill: var(--c5); } svg .c6 { fill: var(--c6); } svg .c7 { fill: var(--c7); }
svg .label { font-size: 12px; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
svg .small { font-size: 11px; } svg .strong { font-weight: 600; }
svg .inside { fill: var(--inside); font-weight: 600; } svg .band { fill-opacity: 0.45; }
svg .cable { stroke: var(--soft); stroke-opacity: 0.35; stroke-width: 0.7; }
svg .bundle { fill: var(--accent); fill-opacity: 0.08; } svg .bundle:hover { fill-opacity: 0.2; }
svg .rack { fill: var(--track); stroke: var(--soft); stroke-width: 1; }
svg .stroke { fill: none; stroke-width: 2; }
svg .s0 { stroke: var(--c0); } svg .s1 { stroke: var(--c1); } svg .s2 { stroke: var(--c2); }
svg .s3 { stroke: var(--c3); } svg .s4 { stroke: var(--c4); } svg .s5 { stroke: var(--c5); }
svg .s6 { stroke: var(--c6); } svg .s7 { stroke: var(--c7); } svg [data-tip]:hover { filter: brightness(1.15); }
.tip { position: fixed; z-index: 9; max-width: 340px; padding: 4px 9px; border-radius: 5px; pointer-events: none; }
.tip { background: var(--ink); color: var(--paper); font-size: 0.85rem; }
.data { margin: 4px 0 16px; } .data summary { font-weight: 400; font-size: 0.85rem; color: var(--soft); }
.filter { font: inherit; font-size: 0.85rem; padding: 4px 8px; border: 1px solid var(--soft); border-radius: 5px; }
.filter { background: var(--paper); color: var(--ink); margin-top: 8px; display: block; }
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 2px solid var(--accent); }
th[aria-sort] button::after { content: " ▲"; } th[aria-sort="descending"] button::after { content: " ▼"; }
footer { color: var(--soft); font-size: 0.85rem; margin-top: 48px; padding-bottom: 32px; }
@media (max-width: 600px) {
  body { font-size: 15px; } table { width: max-content; } th, td { padding: 4px 6px; max-width: 30ch; }
  .scroll.chart svg.wide { min-width: 680px; }
}
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --band: #f2f2f2; --track: #e3e3e3; --accent: #000; }
  body { font-size: 10pt; } nav, .skip, .tip, .filter, .data { display: none; }
  h2 { break-after: avoid; margin-top: 24px; }
  header, main, footer { max-width: none; padding: 0; }
  .scroll { overflow: visible; } table { font-size: 8pt; } thead { display: table-header-group; }
  tr, figure, dl.figures, table.short { break-inside: avoid; } svg.wide { max-width: 165mm; }
  svg.narrow { max-width: 105mm; } summary { break-after: avoid; }
  th, td { padding: 2px 4px; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
