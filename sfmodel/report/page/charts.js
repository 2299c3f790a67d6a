// Draws the charts, keeps those over time at the same hours, and moves along them with pointer and keyboard.
"use strict";
const Charts = (() => {
  const DAY_1 = Date.UTC(2001, 0, 1); // a Monday: the day of the month is the day of the run
  const known = new Map(); // id → {element, spec}
  const moved = new Set(); // charts that were moved by others, and have not said so yet
  let range = null;

  const moment = (time_s) => DAY_1 + 1000 * time_s;
  const since = (ms) => (ms - DAY_1) / 1000;
  const clock = (time_s) => {
    const whole = Math.round(time_s), part = (n) => String(n).padStart(2, "0");
    return `${part(Math.floor(whole / 3600))}:${part(Math.floor(whole / 60) % 60)}:${part(whole % 60)}`;
  };
  const asMs = (x) => (typeof x === "number" ? x : Date.parse(String(x).replace(" ", "T") + (String(x).includes(":") ? "Z" : "T00:00Z")));

  // Colours are named in the data: c0, c1/0.3, ink, muted, peak, event.
  function colour(name, style) {
    if (Array.isArray(name)) return name.map((one) => colour(one, style));
    const [word, opacity] = String(name).split("/");
    if (!/^(c\d+|ink|muted|peak|event|bad)$/.test(word)) return name;
    const value = style.getPropertyValue(`--${word}`).trim();
    if (opacity === undefined) return value;
    const [r, g, b] = [1, 3, 5].map((k) => parseInt(value.slice(k, k + 2), 16));
    return `rgba(${r},${g},${b},${opacity})`;
  }

  function coloured(thing, style) {
    if (Array.isArray(thing)) return thing.map((one) => (typeof one === "object" ? coloured(one, style) : one));
    if (thing === null || typeof thing !== "object") return thing;
    const made = {};
    for (const [key, value] of Object.entries(thing)) {
      made[key] = key === "color" || key === "fillcolor" ? colour(value, style) : typeof value === "object" ? coloured(value, style) : value;
    }
    return made;
  }

  function traces(spec, style) {
    return spec.traces.map((given) => {
      const trace = coloured(given, style);
      if (spec.time_s && !trace.x) trace.x = spec.time_s.map(moment);
      if (trace.base_s) {
        trace.base = trace.base_s.map(moment);
        trace.x = trace.length_s.map((length) => 1000 * length);
        delete trace.base_s;
        delete trace.length_s;
      }
      if (spec.time_s && trace.hoverinfo !== "skip") trace.hovertemplate = `%{y:,.4~g}<extra>${escaped(trace.name)}</extra>`;
      return trace;
    });
  }
  const escaped = (text) => String(text).replace(/[<>&]/g, (one) => ({ "<": "‹", ">": "›", "&": "&amp;" })[one]);

  function layout(spec, style) {
    const ink = style.getPropertyValue("--ink").trim(), muted = style.getPropertyValue("--muted").trim();
    const grid = style.getPropertyValue("--grid").trim(), paper = style.getPropertyValue("--paper").trim();
    const axis = { gridcolor: grid, linecolor: muted, zeroline: false, tickcolor: muted, tickfont: { size: 11 }, automargin: true };
    const own = coloured(spec.layout, style);
    for (const shape of own.shapes || []) if (spec.timed) [shape.x0, shape.x1] = [moment(shape.x0), moment(shape.x1)];
    const titled = (found) => (found && typeof found.title === "string" ? { ...found, title: { text: found.title, font: { size: 11, color: muted }, standoff: 6 } } : found);
    const x = spec.timed
      ? { ...axis, type: "date", showgrid: false, ticks: "outside", ticklen: 4, showspikes: Boolean(spec.time_s), spikemode: "across", spikesnap: "data", spikethickness: 1, spikedash: "solid", spikecolor: muted,
          tickformatstops: [{ dtickrange: [null, 60000], value: "%H:%M:%S" }, { dtickrange: [60000, 43200000], value: "%H:%M" }, { dtickrange: [43200000, null], value: "day %-d" }], hoverformat: "%H:%M:%S" }
      : { ...axis, ...titled(own.xaxis) };
    if (own.range_s) x.range = own.range_s.map(moment);
    if (spec.timed && range) x.range = range;
    const y = { ...axis, ...(spec.time_s ? { nticks: 6 } : {}), ...titled(own.yaxis) };
    if (y.type === "log") Object.assign(y, { dtick: "D2", exponentformat: "none", tickformat: ",~g" });
    else if (spec.timed && spec.time_s) Object.assign(y, { tickformat: "~s" });
    return {
      hovermode: spec.time_s ? "x unified" : "closest", ...own, xaxis: x, yaxis: y,
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: ink },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 52, r: 12, t: 8, b: 30, ...own.margin },
      hoverlabel: { bgcolor: paper, bordercolor: muted, font: { size: 12, color: ink }, namelength: -1 },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 11 }, bgcolor: "rgba(0,0,0,0)", ...own.legend },
      showlegend: spec.traces.filter((one) => one.name && one.showlegend !== false).length > 0 && spec.traces[0].type !== "bar" || Boolean(own.range_s),
      dragmode: spec.timed ? "zoom" : false,
    };
  }

  function draw(id) {
    const { element, spec } = known.get(id), style = getComputedStyle(document.documentElement);
    const how = { displayModeBar: false, responsive: true, doubleClick: spec.timed ? false : "reset", scrollZoom: false };
    if (spec.timed) spec.layout.yaxis = { ...spec.layout.yaxis, fixedrange: true };
    const isNew = !element.data;
    Plotly.react(element, traces(spec, style), layout(spec, style), how);
    if (!isNew) return;
    element.dataset.drawn = "yes";
    if (spec.timed) follow(element);
    element.addEventListener("keydown", (event) => onKey(event, id));
  }

  function follow(element) {
    element.on("plotly_relayout", (changed) => {
      const low = changed["xaxis.range[0]"] ?? changed["xaxis.range"]?.[0], high = changed["xaxis.range[1]"] ?? changed["xaxis.range"]?.[1];
      if (moved.has(element) || low === undefined) return;
      show([asMs(low), asMs(high)]);
    });
    element.on("plotly_doubleclick", () => show(null));
    element.on("plotly_hover", (event) => {
      const x = event.points[0]?.x;
      if (!(event.event instanceof MouseEvent) || x === undefined) return; // else it is led itself, and would lead on
      each((other) => other !== element && inSight(other) && lead(other, asMs(x)));
    });
    element.addEventListener("mouseleave", () => each((other) => other !== element && Plotly.Fx.unhover(other)));
  }
  const each = (what) => known.forEach(({ element, spec }) => spec.timed && spec.time_s && element.data && what(element));
  const inSight = (element) => { const box = element.getBoundingClientRect(); return box.bottom > 0 && box.top < innerHeight; };
  const lead = (element, ms) => Plotly.Fx.hover(element, { xval: ms }, ["xy"]);

  // The same hours in all charts over time; none: the whole run.
  function show(wanted) {
    range = wanted;
    known.forEach(({ element, spec }) => {
      if (!spec.timed || !element.data) return;
      const whole = spec.layout.range_s ? { "xaxis.range": spec.layout.range_s.map(moment) } : { "xaxis.autorange": true };
      moved.add(element);
      Plotly.relayout(element, wanted ? { "xaxis.range": wanted } : whole).then(() => moved.delete(element));
    });
  }

  function onKey(event, id) {
    const { element, spec } = known.get(id);
    if (event.target !== element || !spec.timed || !spec.time_s) return;
    const steps = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 };
    const last = spec.time_s.length - 1;
    let at = Number(element.dataset.at ?? Math.floor(last / 2));
    if (event.key in steps) at = Math.max(0, Math.min(last, at + steps[event.key]));
    else if (event.key === "Home") at = 0;
    else if (event.key === "End") at = last;
    else if (event.key === "0" || event.key === "Escape") show(null);
    else if (event.key === "+" || event.key === "=" || event.key === "-") {
      const [low, high] = element.layout.xaxis.range.map(asMs), factor = event.key === "-" ? 2 : 0.5;
      const middle = moment(spec.time_s[at]), half = ((high - low) * factor) / 2;
      const ends = [moment(spec.time_s[0]), moment(spec.time_s[last])];
      if (2 * half >= ends[1] - ends[0]) show(null);
      else show([middle - half, middle + half]);
    } else return;
    event.preventDefault();
    element.dataset.at = at;
    each((other) => inSight(other) && lead(other, moment(spec.time_s[at])));
    const values = spec.traces.filter((one) => one.hoverinfo !== "skip").map((one) => `${one.name} ${one.y[at] ?? "not known"}`);
    document.getElementById("spoken").textContent = `${clock(spec.time_s[at])}: ${values.join(", ")}`;
  }

  // The data of a chart as a table, made when it is asked for.
  function tabulate(details) {
    if (details.querySelector("table")) return;
    const link = details.closest("figure").querySelector("a.data");
    const rows = decodeURIComponent(link.href.slice(link.href.indexOf(",") + 1)).trim().split("\n").map(cells);
    const box = document.createElement("div");
    box.className = "scroll high";
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", details.closest("figure").querySelector("h3").textContent);
    const table = document.createElement("table"), head = table.createTHead().insertRow(), body = table.createTBody();
    for (const title of rows[0]) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = title;
      head.append(cell);
    }
    for (const row of rows.slice(1)) {
      const line = body.insertRow();
      row.forEach((text) => {
        const cell = line.insertCell(), number = Number(text);
        cell.textContent = text !== "" && Number.isFinite(number) ? String(Number(number.toPrecision(5))) : text;
        if (text !== "" && Number.isFinite(number)) cell.className = "n";
      });
    }
    box.append(table);
    details.append(box);
  }
  function cells(line) {
    return [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(,|$)/g)].slice(0, -1).concat(line.endsWith(",") ? [["", ""]] : [])
      .map((found) => found[1].replace(/^"|"$/g, "").replaceAll('""', '"'));
  }

  function begin() {
    for (const script of document.querySelectorAll("script[data-chart]")) {
      const id = script.dataset.chart;
      known.set(id, { element: document.getElementById(id), spec: JSON.parse(script.textContent) });
    }
    document.querySelectorAll("details.as-table").forEach((one) => one.addEventListener("toggle", () => one.open && tabulate(one)));
    if (known.size) addEventListener("load", () => setTimeout(drawAll, 0));
    else document.documentElement.dataset.drawn = "all";
  }

  // The library is compiled when the rest of the page is there to be read.
  function drawAll() {
    const script = document.createElement("script");
    script.textContent = document.getElementById("plotly").textContent;
    document.head.append(script);
    const waiting = [...known.keys()];
    const next = () => {
      if (!waiting.length) { document.documentElement.dataset.drawn = "all"; return; }
      const id = waiting.shift();
      if (!known.get(id).element.data) draw(id);
      setTimeout(next, 0);
    };
    setTimeout(next, 0);
    addEventListener("beforeprint", () => waiting.splice(0).forEach((id) => known.get(id).element.data || draw(id)));
  }
  const redraw = () => known.forEach(({ element }, id) => element.data && draw(id));
  return { begin, redraw, clock };
})();
