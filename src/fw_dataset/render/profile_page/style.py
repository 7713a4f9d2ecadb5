"""The look of the page: light and dark, wide and narrow, on a screen and on paper."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark; --text: #1c2330; --soft: #566074; --line: #d8dde6;
  --back: #ffffff; --raised: #f5f7fa; --bar: #2f6db5; --link: #1d5aa3; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ef; --soft: #a3adbd; --line: #363f4e;
  --back: #14181f; --raised: #1d232d; --bar: #6aa7ea; --link: #8cbcf2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(1rem, 3vw, 3rem) 4rem; max-width: 80rem;
  font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; }
h2 { margin: 2.5rem 0 0; font-size: 1.25rem; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.soft, caption { color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1rem 0 0; padding: 0;
  list-style: none; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; padding: .25rem 0 .75rem; }
th, td { padding: .6rem .75rem .6rem 0; text-align: left; vertical-align: top;
  border-top: 1px solid var(--line); font-weight: normal; overflow-wrap: anywhere; }
thead th { border-top: 0; padding-top: 0; font-size: .85rem; color: var(--soft); }
tbody th { width: 28%; } .number { width: 7rem; text-align: right; padding-right: 1.5rem;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
tbody th b { font-weight: 600; } code { font: .85rem/1.4 ui-monospace, monospace;
  color: var(--soft); } tbody th small { display: block; color: var(--soft); }
svg { display: block; fill: var(--bar); } svg .rest { fill: var(--line); }
.chart { width: 100%; max-width: 20rem; height: 2.75rem; border-bottom: 1px solid var(--line); }
.fill { width: 4.5rem; height: .35rem; margin: .3rem 0 0 auto; }
.ends { display: flex; justify-content: space-between; gap: 1rem; max-width: 20rem;
  font-size: .85rem; color: var(--soft); font-variant-numeric: tabular-nums; }
details { margin-top: .35rem; } summary { cursor: pointer; color: var(--link); width: fit-content; }
details table { margin: .4rem 0 .8rem; width: auto; min-width: min(22rem, 100%);
  background: var(--raised); }
details th, details td { width: auto; padding: .2rem .75rem; border: 0; font-size: .9rem; }
details tbody th { width: auto; } details caption { padding: .4rem 0 .2rem; }
.share { width: 6rem; height: .5rem; margin-top: .45rem; }
@media (max-width: 42rem) {
  body > main > section > table > thead { position: absolute; width: 1px; height: 1px;
    overflow: hidden; clip-path: inset(50%); }
  body > main > section > table > tbody > tr { display: grid; grid-template-columns: 1fr auto auto;
    column-gap: 1rem; border-top: 1px solid var(--line); padding: .5rem 0; }
  body > main > section > table > tbody > tr > * { border: 0; padding: .1rem 0; width: auto; }
  body > main > section > table > tbody > tr > th { grid-column: 1 / -1; }
  body > main > section > table > tbody > tr > .number { text-align: left; grid-row: 2; }
  body > main > section > table > tbody > tr > .values { grid-column: 1 / -1; grid-row: 3; }
  .number::before { content: attr(data-name) " "; color: var(--soft); }
  .fill { display: none; }
}
@media print { details:not([open]) { display: none; } body { max-width: none; } }
"""
