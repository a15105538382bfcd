"""The one stylesheet. Colours follow the system's light or dark theme, and where the
page has a theme of its own (JupyterLab, VS Code, the docs), that one.

No meaning is carried by a colour alone: what is taken is thicker, what is refused
says so.
"""

from __future__ import annotations

_LIGHT = (
    "--fg:#1c2024;--soft:#5b626c;--line:#d5d9e0;--tint:#f3f5f8;--path:#0b5cd6;--on-path:#fff;"
    "--good:#13733a;--bad:#bf2430;--warn:#8f5400;--tls:#13733a;--tls-tint:#eaf6ee;"
    "--b-dns:#8a63d2;--b-connect:#0e8a9c;--b-tls:#13733a;--b-server:#0b5cd6;--b-client:#9aa3ae;color-scheme:light"
)
_DARK = (
    "--fg:#e8eaed;--soft:#a3abb5;--line:#3b424b;--tint:#1f242a;--path:#79b4ff;--on-path:#0b1420;"
    "--good:#6fd08c;--bad:#ff8e88;--warn:#f0b454;--tls:#6fd08c;--tls-tint:#14261b;"
    "--b-dns:#b79bf0;--b-connect:#4cc3d4;--b-tls:#6fd08c;--b-server:#79b4ff;--b-client:#707a86;color-scheme:dark"
)
_IN_LIGHT = ('[data-jp-theme-light="true"]', '[data-theme="light"]', ".vscode-light")
_IN_DARK = ('[data-jp-theme-light="false"]', '[data-theme="dark"]', ".vscode-dark")


def _inside(themes: tuple[str, ...], rules: str) -> str:
    return ",".join(f"{theme} .rsmtp" for theme in themes) + f"{{{rules}}}"


# `&` is the display. It is said twice to be heard over a notebook's own rules.
_RULES = """
&{color:var(--fg);font:13px/1.45 var(--jp-ui-font-family,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif);
max-width:960px;padding:4px 2px;container-type:inline-size;text-align:left}
& *{box-sizing:border-box}
& .head{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 12px;margin:0 0 8px}
& .title{font-size:15px;font-weight:600;overflow-wrap:anywhere}
& .soft{color:var(--soft)}
& .two{display:flex;flex-wrap:wrap;gap:12px 28px;align-items:flex-start}
& .two>*{flex:1 1 300px;min-width:0}
& svg{display:block;width:100%;max-width:460px;height:auto;font-family:inherit}
& code,& pre{font-family:var(--jp-code-font-family,ui-monospace,SFMono-Regular,Menlo,Consolas,monospace);
font-size:12px;background:none;color:inherit;padding:0;border:0}
& pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;line-height:1.45}
& .chip{display:inline-block;border:1px solid var(--line);border-radius:10px;padding:0 8px;margin:1px 4px 1px 0;
font-size:12px;max-width:100%;overflow-wrap:anywhere}
& .arrow{color:var(--soft);margin-right:4px}
& .chips{list-style:none;margin:4px 0 0;padding:0}& .chips li{display:inline;margin:0}
& .chip.here{background:var(--path);border-color:var(--path);color:var(--on-path);font-weight:600}
& .good{color:var(--good)}& .bad{color:var(--bad)}& .warn{color:var(--warn)}
& table{border-collapse:collapse;border:0;margin:0;font-size:13px;width:100%;table-layout:auto}
& caption{caption-side:top;text-align:left;font-weight:600;padding:0 0 4px;color:var(--fg);font-size:13px}
& tbody tr,& tbody tr:nth-child(odd),& tbody tr:hover,& thead tr{background:none}
& th,& td{text-align:left;vertical-align:top;padding:3px 10px 3px 0;border:0;border-bottom:1px solid var(--line);
color:var(--fg);white-space:normal;overflow-wrap:anywhere;font-weight:400;max-width:none}
& thead th{color:var(--soft);font-size:12px}
& th[scope=row]{color:var(--soft);white-space:nowrap;overflow-wrap:normal;width:1%;padding-right:16px}
& tr:last-child>th,& tr:last-child>td{border-bottom:0}
& .num{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
& details{margin:6px 0 0}
& summary{cursor:pointer;color:var(--soft)}
& .box{border:1px solid var(--line);border-radius:6px;padding:8px 10px;margin:8px 0 0}
& .paper{display:block;width:100%;min-height:80px;border:1px solid var(--line);border-radius:6px;
background:#fff;resize:vertical;overflow:auto;margin:8px 0 0}
& .hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
& .bars{display:flex;height:14px;border-radius:3px;overflow:hidden;margin:2px 0 6px;background:var(--tint)}
& .bars i{display:block;height:100%;min-width:1px}
& .key{display:flex;flex-wrap:wrap;gap:2px 16px;margin:0 0 10px;padding:0;list-style:none}
& .key li{margin:0;padding:0}
& .key b{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
& .dns{background:var(--b-dns)}& .connect{background:var(--b-connect)}& .tls{background:var(--b-tls)}
& .server{background:var(--b-server)}& .client{background:var(--b-client)}
& .talk td{border:0;padding:2px 8px 2px 0}
& .talk .when{width:1%;padding-left:0}
& .talk .say{padding:2px 14px;border-left:2px solid var(--line);border-right:2px solid var(--line);width:66%}
& .talk .secure .say{border-color:var(--tls)}
& .talk .wait{width:30%;padding:2px 0 2px 10px;vertical-align:middle}
& .talk .line{display:flex;gap:6px;align-items:flex-start}
& .talk .line pre{flex:0 1 auto}
& .talk .line::after,& .talk .from::before{content:"";flex:1 1 16px;min-width:16px;align-self:flex-start;
margin-top:.72em;border-top:1px solid var(--soft)}
& .talk .from{text-align:left}
& .talk .from::after{display:none}
& .talk .line u,& .talk .from u{text-decoration:none;order:3;color:var(--soft);margin-left:-8px;line-height:17px;font-size:11px}
& .talk .from u{order:-1;margin:0 -8px 0 0}
& .talk .more{display:block;color:var(--soft)}
& .talk .note .say{text-align:center;color:var(--soft);font-size:12px}
& .talk .state td{padding-top:7px;font-size:12px}
& .talk .cross .say{background:var(--tls-tint);color:var(--tls);font-weight:600;border-top:2px dashed var(--tls)}
& .wait .bar{position:relative;height:16px}
& .wait .bar i{position:absolute;top:4px;height:8px;border-radius:2px;min-width:2px}
& .wait .bar span{position:absolute;top:0;font-size:11px;line-height:16px;color:var(--soft);white-space:nowrap}
@container (max-width:560px){
& .talk .wait{display:block;width:100%;padding:0 0 4px 0}& .talk .say{display:block;width:100%}
& .talk .when{display:none}
& .talk tbody tr{display:block;border:2px solid var(--line);border-width:0 2px;padding:0 8px}
& .talk tbody tr.secure{border-color:var(--tls)}& .talk .say,& .talk .secure .say{border-left:0;border-right:0;padding:2px 0}
& .talk thead{display:none}
& .facts th[scope=row]{white-space:normal}
}
"""
_SVG = """
& .zone{fill:none;stroke:var(--line);rx:8px}
& .zone.in{fill:var(--tls-tint);stroke:var(--tls)}
& .zl{fill:var(--soft);font-size:10px;font-weight:600;letter-spacing:.06em}
& .zl.in{fill:var(--tls)}
& .node rect{fill:var(--jp-layout-color0,Canvas);stroke:var(--line);rx:15px}
& .node text{fill:var(--soft);font-size:12px;text-anchor:middle}
& .node.been rect{stroke:var(--path);stroke-width:2px}
& .node.been text{fill:var(--fg)}
& .node.now rect{fill:var(--path);stroke:var(--path)}
& .node.now .ring{fill:none;stroke:var(--path);stroke-width:1.5px;rx:19px}
& .node.now text{fill:var(--on-path);font-weight:700}
& .edge path{fill:none;stroke:var(--line);stroke-width:1.2px}
& .edge text{fill:var(--soft);font-size:10px;paint-order:stroke;stroke:var(--jp-layout-color0,Canvas);stroke-width:3px}
& .edge.next path{stroke:var(--fg);stroke-dasharray:4 3;stroke-width:1.4px}
& .edge.next text{fill:var(--fg);font-weight:600}
& .edge.been path{stroke:var(--path);stroke-width:2.6px}
& .edge.been text{fill:var(--path);font-weight:700}
& .tip{fill:var(--line)}& .tip.been{fill:var(--path)}& .tip.next{fill:var(--fg)}
"""

CSS = (
    f".rsmtp{{{_LIGHT}}}@media (prefers-color-scheme:dark){{.rsmtp{{{_DARK}}}}}"
    + _inside(_IN_LIGHT, _LIGHT)
    + _inside(_IN_DARK, _DARK)
    + (_RULES + _SVG).replace("\n", "").replace("&", ".rsmtp.rsmtp")
)
