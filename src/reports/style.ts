/** One style sheet for every report, inlined: pages open anywhere, in light and dark, on paper and on phones. */
export const STYLE = `
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #16202c; --soft: #5b6776; --line: #dfe4ea; --grid: #e9edf1;
  --blue: #2463c9; --orange: #c2570c; --green: #12805c; --purple: #7a3fc4; --red: #c42b3a; --grey: #7a8594; }
@media (prefers-color-scheme: dark) { :root {
  --page: #10151b; --card: #181f27; --ink: #e8edf2; --soft: #9aa7b5; --line: #2b3540; --grid: #242d37;
  --blue: #6ea4f7; --orange: #f0954f; --green: #45c093; --purple: #b48cf0; --red: #f4717d; --grey: #93a0ae; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 36px 24px 64px; }
h1::first-letter { text-transform: uppercase; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.015em; }
h2 { font-size: 20px; margin: 44px 0 4px; letter-spacing: -0.01em; }
h3 { font-size: 15px; margin: 0 0 2px; }
p { margin: 0 0 10px; max-width: 78ch; }
.lead { font-size: 17px; color: var(--ink); margin: 10px 0 0; }
.soft, .facts { color: var(--soft); }
.facts { font-size: 13px; max-width: none; }
code { font: 0.92em ui-monospace, "DejaVu Sans Mono", monospace; background: var(--grid); padding: 1px 5px; border-radius: 4px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; margin: 14px 0; }
.columns { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.columns > .card { margin: 0; }
.card .columns { gap: 26px 34px; }
.columns { margin: 14px 0; }
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); margin: 22px 0 8px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; border-left: 4px solid var(--tone, var(--line)); }
.tile b { display: block; font-size: 26px; line-height: 1.2; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tile span { display: block; color: var(--soft); font-size: 13px; }
.tone-blue { --tone: var(--blue); } .tone-orange { --tone: var(--orange); } .tone-green { --tone: var(--green); }
.tone-purple { --tone: var(--purple); } .tone-red { --tone: var(--red); } .tone-grey { --tone: var(--grey); }
.badge { display: inline-block; padding: 1px 9px; border-radius: 20px; font-size: 13px; font-weight: 600; color: var(--tone); border: 1px solid var(--tone); white-space: nowrap; }
.chart { margin: 0; }
.chart figcaption { display: flex; flex-wrap: wrap; gap: 4px 20px; justify-content: space-between; align-items: baseline; margin-bottom: 8px; }
.chart-title { font-weight: 600; }
.chart-scroll { overflow-x: auto; }
.chart svg { display: block; width: 100%; height: auto; overflow: visible; font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.legend { display: inline-flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; color: var(--soft); }
.legend-entry { display: inline-flex; align-items: center; gap: 6px; }
.legend i { display: inline-block; width: 18px; height: 0; border-top: 3px solid var(--tone); border-radius: 2px; }
.legend .mark-dashed { border-top-style: dashed; border-top-width: 2px; }
.legend .mark-band { height: 10px; border: 0; background: var(--tone); opacity: 0.22; }
.legend .mark-bar, .legend .mark-dot { width: 10px; height: 10px; border: 0; background: var(--tone); }
.legend .mark-dot { border-radius: 50%; }
svg text { fill: var(--soft); }
svg .axis-title { fill: var(--soft); }
svg .grid { stroke: var(--grid); }
svg .axis { stroke: var(--line); }
svg .line { fill: none; stroke: var(--tone); stroke-width: 2.2; stroke-linejoin: round; }
svg .dashed { stroke-dasharray: 6 5; stroke-width: 1.8; }
svg .band { fill: var(--tone); opacity: 0.17; }
svg .dot { fill: var(--card); stroke: var(--tone); stroke-width: 2; }
svg .dot.hidden { fill: transparent; stroke: none; }
svg .dot.hidden:hover { fill: var(--tone); fill-opacity: 0.3; }
svg .flag line { stroke: var(--tone); stroke-width: 1.4; stroke-dasharray: 2 3; }
svg .flag rect { fill: var(--tone); }
svg .flag text { fill: var(--card); font-weight: 600; font-size: 11.5px; }
svg .span .wash { fill: var(--tone); opacity: 0.045; }
svg .span .strip { fill: var(--tone); opacity: 0.2; }
svg .span text { fill: var(--ink); }
svg .bar rect { fill: var(--tone); opacity: 0.85; }
svg .bar text, svg .group, svg .point-label { fill: var(--ink); }
svg .bar text { font-weight: 600; font-size: 11.5px; }
svg .whisker { fill: none; stroke: var(--ink); stroke-width: 1.3; opacity: 0.75; }
svg .point .whisker { stroke: var(--tone); }
svg .point circle { fill: var(--tone); stroke: var(--card); stroke-width: 1.5; }
svg .arrow { fill: none; stroke: var(--grey); stroke-width: 1.2; opacity: 0.8; }
svg .arrow-head { fill: var(--grey); }
svg .durations .fill { fill: var(--tone); } svg .durations .track { fill: var(--grid); }
.table-scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; color: var(--soft); font-weight: 600; font-size: 13px; border-bottom: 1px solid var(--line); padding: 6px 14px 6px 0; white-space: nowrap; }
td code { white-space: nowrap; }
td { border-bottom: 1px solid var(--grid); padding: 7px 14px 7px 0; vertical-align: top; }
tr:last-child td code { white-space: nowrap; }
td { border-bottom: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.meter { position: relative; display: block; width: 150px; height: 8px; border-radius: 4px; background: var(--grid); margin-top: 4px; }
.meter i { position: absolute; top: 2px; height: 4px; border-radius: 2px; background: var(--tone); opacity: 0.45; min-width: 2px; }
.meter b { position: absolute; top: 0; width: 3px; height: 8px; margin-left: -1px; border-radius: 2px; background: var(--tone); }
.gallery { display: flex; flex-wrap: wrap; gap: 14px; margin: 10px 0 0; padding: 0; list-style: none; }
.gallery li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 8px; }
.gallery .trio { display: flex; gap: 4px; }
.gallery img { width: 68px; height: 68px; image-rendering: pixelated; border-radius: 4px; display: block; background: #888; }
.gallery .change { font-weight: 600; margin-top: 6px; }
.gallery .change .to { color: var(--red); }
.gallery .note { font-size: 12px; color: var(--soft); }
footer { margin-top: 48px; border-top: 1px solid var(--line); padding-top: 14px; color: var(--soft); font-size: 13px; }
@media print { body { background: #fff; } .card, .tile { break-inside: avoid; } }
`;
