"""How a report looks: one style sheet, light and dark by the reader's setting, and for paper."""

from __future__ import annotations

from typing import Final

STYLE: Final = """\
:root {
  color-scheme: light dark;
  --ink: #1b1b1b; --soft: #565656; --line: #d5d5d0; --ground: #fff; --panel: #f5f5f2;
  --granted: #2c5f9e; --refused: #b3541e; --refused-ground: #f6dcc9;
  --warn: #7a4b00; --warn-ground: #fdf3d3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #ececec; --soft: #a9a9a9; --line: #3d3d3d; --ground: #161616; --panel: #222;
    --granted: #7fb0ea; --refused: #f0a36b; --refused-ground: #5a351b;
    --warn: #f3d98b; --warn-ground: #3a2f10;
  }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  max-width: 70rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { max-width: 46rem; margin: .5rem 0; }
.sub, .small { color: var(--soft); overflow-wrap: anywhere; }
.small { font-size: .85rem; }
.warn { color: var(--warn); background: var(--warn-ground); padding: .6rem .9rem;
  border-left: 4px solid var(--warn); }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: .75rem;
  list-style: none; padding: 0; margin: 1.25rem 0; }
.tiles li { background: var(--panel); border-radius: .4rem; padding: .7rem .9rem; }
.tiles b { display: block; font-size: 1.5rem; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .8rem .3rem 0; text-align: right;
  vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
th.word, td.word { text-align: left; overflow-wrap: break-word; }
td small { display: block; color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.5rem; margin: 1rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--panel); padding: .8rem; font-size: .8rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--soft); font-size: .9rem; }
.chart { display: block; width: 100%; min-width: 34rem; height: auto; }
.chart text { fill: var(--soft); font-size: 12px; }
.grid { stroke: var(--line); stroke-width: 1; }
rect.granted { fill: var(--granted); }
rect.refused { fill: url(#hatch); stroke: var(--refused); stroke-width: 1; }
.refused-ground { fill: var(--refused-ground); }
.refused-line { fill: var(--refused); }
.bar { display: inline-block; width: 7rem; height: .7rem; vertical-align: middle; }
.bar rect.refused { fill: var(--refused); stroke: none; }
.defs { position: absolute; }
.key { color: var(--soft); font-size: .9rem; margin: 0; }
.key i { display: inline-block; width: .8rem; height: .8rem; margin: 0 .15rem 0 .6rem;
  vertical-align: -.05rem; }
.key i:first-child { margin-left: 0; }
i.granted { background: var(--granted); }
i.refused { background: repeating-linear-gradient(45deg, var(--refused) 0 2px,
  var(--refused-ground) 2px 4px); outline: 1px solid var(--refused); }
@media (max-width: 40rem) {
  .tiles { grid-template-columns: repeat(2, 1fr); }
}
@media print {
  :root { color-scheme: light;
    --ink: #000; --soft: #444; --line: #bbb; --ground: #fff; --panel: #f5f5f2;
    --granted: #2c5f9e; --refused: #b3541e; --refused-ground: #f6dcc9;
    --warn: #7a4b00; --warn-ground: #fdf3d3; }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  .scroll { overflow: visible; }
  .chart { min-width: 0; }
  .tiles li, tr, svg, pre { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  details > summary { display: none; }
  thead { display: table-header-group; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
