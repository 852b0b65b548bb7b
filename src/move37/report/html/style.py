"""How the report looks: light and dark, on a telephone, on paper."""

STYLE = """
:root{color-scheme:light dark;--paper:#fdfdfc;--card:#f5f6f4;--ink:#1d252d;--quiet:#55606c;--rule:#dfe3e0;
--dot:#b3bbc4;--good:#17693f;--good-soft:#e3f1e8;--warn:#7a4b00;--warn-soft:#fbf0dc;--bad:#a32b22;--bad-soft:#fbe6e3;
--band:#2b8a5726;--star:#8a4fd0;--add:#e4f4e9;--del:#fbe9e7}
@media (prefers-color-scheme:dark){:root{--paper:#13171b;--card:#1b2127;--ink:#e3e7ea;--quiet:#a1acb7;--rule:#2e363e;
--dot:#5d6873;--good:#6ccb98;--good-soft:#173226;--warn:#e6b566;--warn-soft:#352a16;--bad:#f08f85;--bad-soft:#3b1f1c;
--band:#6ccb982e;--star:#c39bf5;--add:#173226;--del:#3b211f}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",sans-serif;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
main,header,footer{max-width:60rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:3.2rem}
.kicker{color:var(--quiet);font-size:.9rem;margin:0}
h1{font-size:clamp(1.45rem,1.1rem + 1.8vw,2.3rem);line-height:1.22;letter-spacing:-.015em;margin:.35rem 0 .6rem;
font-weight:650;text-wrap:balance}
h1.claimed{color:var(--good)}
.goal{font-size:1.05rem;color:var(--quiet);max-width:44rem;margin:0 0 1.6rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(10.5rem,1fr));margin:0 0 1.6rem;
background:var(--card);border:1px solid var(--rule);border-radius:.6rem;overflow:hidden}
.figures div{padding:.8rem 1rem;box-shadow:0 0 0 .5px var(--rule)}
.figures dt{color:var(--quiet);font-size:.8rem;line-height:1.3}
.figures dd{margin:.2rem 0 0;font-size:1.05rem;font-weight:600;line-height:1.3}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;padding:0;margin:0 0 1rem;font-size:.9rem}
a{color:inherit;text-decoration-color:var(--dot);text-underline-offset:.2em}
a:hover,a:focus-visible{text-decoration-color:currentColor}
:focus-visible{outline:2px solid var(--good);outline-offset:2px}
section{border-top:1px solid var(--rule);padding:1.7rem 0 1.1rem}
h2{font-size:1.3rem;line-height:1.3;margin:0 0 .9rem;letter-spacing:-.01em;font-weight:640}
h3{font-size:1rem;margin:1.4rem 0 .5rem;font-weight:620}
p{max-width:46rem;margin:.5rem 0}
.quiet{color:var(--quiet)}
p.good,p.warn,p.bad{padding:.6rem .9rem;border-radius:.5rem}
p.good{background:var(--good-soft)}p.warn{background:var(--warn-soft)}p.bad{background:var(--bad-soft)}
ul{padding-left:1.2rem;max-width:48rem;margin:.5rem 0}li{margin:.35rem 0}
dl.facts{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.3rem 1.2rem;margin:.5rem 0}
dl.facts dt{color:var(--quiet)}dl.facts dd{margin:0;max-width:46rem}
dl.good,dl.warn,dl.bad{border-left:3px solid var(--good);padding-left:1rem}
dl.quiet{border-left:3px solid var(--dot);padding-left:1rem;color:inherit}
.theirs{font-style:normal}
q.theirs{quotes:"\\201c" "\\201d"}
code,pre{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--card);border:1px solid var(--rule);border-radius:.5rem;padding:.7rem .9rem;overflow-x:auto;
margin:.6rem 0;overflow-wrap:normal;tab-size:4}
pre span{display:block;min-height:1.5em;margin:0 -.9rem;padding:0 .9rem;width:max-content;min-width:calc(100% + 1.8rem)}
pre .add{background:var(--add)}pre .del{background:var(--del)}pre .file{font-weight:650}pre .hunk{color:var(--quiet)}
summary{cursor:pointer;margin:.6rem 0;color:var(--quiet)}
figure{margin:.4rem 0 .8rem}
svg{display:block;max-width:100%}
.narrow{display:none}
.chart text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--quiet)}
.chart text.strong{fill:var(--good);font-weight:600}
.chart .grid{stroke:var(--rule);stroke-width:1}.chart .base{stroke:var(--quiet);stroke-width:1.3;stroke-dasharray:5 4}
.chart .dot{fill:var(--dot)}.chart .failed{stroke:var(--bad);stroke-width:1.2}
.chart .band{fill:var(--band)}.chart .stairs{fill:none;stroke:var(--good);stroke-width:2.2}
.chart .kept{fill:var(--paper);stroke:var(--good);stroke-width:1.6}.chart .luck{stroke:var(--good);stroke-opacity:.5}
.chart .claim{fill:var(--good);stroke:var(--good)}.chart .noclaim{fill:var(--paper);stroke:var(--quiet)}
.chart .star{fill:var(--star)}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;color:var(--quiet);font-size:.84rem;margin-top:.3rem}
.legend span{display:inline-flex;align-items:center;gap:.4rem}
.bar .axis{stroke:var(--dot)}.bar .range{stroke:var(--good);stroke-width:3}.bar .mid{fill:var(--good)}
.bar .open{fill:var(--paper);stroke:var(--quiet);stroke-width:1.5}.bar .loose{stroke:var(--quiet);stroke-width:3}
.scroll{overflow-x:auto;margin:.6rem 0}
table{border-collapse:collapse;width:100%;font-size:.92rem}
caption{text-align:left;color:var(--quiet);font-size:.88rem;padding:0 0 .5rem;max-width:46rem}
th{font-weight:600;text-align:left;color:var(--quiet);font-size:.84rem;white-space:nowrap}
td{overflow-wrap:break-word}
th,td{padding:.4rem .8rem .4rem 0;border-bottom:1px solid var(--rule);vertical-align:top}
td.n,th.n{text-align:right;white-space:nowrap}
footer{color:var(--quiet);font-size:.86rem;padding-bottom:3rem}
@media (max-width:44rem){body{font-size:15px}main,header,footer{padding:0 1rem}header{padding-top:1.6rem}
.wide{display:none}.narrow{display:block}
.figures{grid-template-columns:1fr 1fr}
dl.facts{grid-template-columns:1fr;gap:0}dl.facts dd{margin-bottom:.5rem}
table,tbody,tr,td{display:block}thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
caption{display:block}
tr{border-bottom:1px solid var(--rule);padding:.6rem 0}td,td.n{border:0;padding:.08rem 0;text-align:left;white-space:normal}
td[data-label]:not([data-label=""])::before{content:attr(data-label) " ";color:var(--quiet);font-size:.86em}
td.n{display:inline-block;margin-right:1rem}td:empty{display:none}}
@media print{:root{--paper:#fff;--card:#fff;--ink:#000;--quiet:#444;--rule:#ccc;--dot:#999;--good:#17693f;--warn:#7a4b00;
--bad:#a32b22;--good-soft:#fff;--warn-soft:#fff;--bad-soft:#fff;--add:#eef7f0;--del:#fbefed;color-scheme:light}
body{font-size:10.5pt}nav{display:none}section{padding:1rem 0 .5rem}h2,h3,summary{break-after:avoid}
figure,tr,dl.facts,p{break-inside:avoid}pre{white-space:pre-wrap;overflow-wrap:anywhere}pre span{width:auto}
details::details-content{content-visibility:visible;display:block;height:auto}}
"""
