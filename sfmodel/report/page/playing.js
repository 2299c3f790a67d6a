// Plays the graph of the services along the run: load, use, failures, and the cascades of each time.
"use strict";
const Playing = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const percent = (thousandths) => (thousandths >= 100 ? `${Math.round(thousandths / 10)} %` : `${thousandths / 10} %`);
  const number = (value) => {
    if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
    if (value >= 1e4) return `${(value / 1e3).toPrecision(3)} k`;
    return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
  };

  function start(figure, frames) {
    const slider = figure.querySelector(".slider"), play = figure.querySelector(".play"), speed = figure.querySelector(".speed select");
    const names = Object.keys(frames.services), last = frames.time_s.length - 1;
    const boxes = names.map((_, k) => figure.querySelector(`#service-${k}`));
    const lines = frames.drawn.calls.map((_, k) => figure.querySelector(`#call-${k}`));
    const drags = frames.drawn.drags.map((_, k) => figure.querySelector(`#drag-${k}`));
    const calls = frames.drawn.calls.map(([from, to]) => frames.calls.find((one) => one.from === from && one.to === to));
    const strip = drawStrip(figure.querySelector(".strip"), frames);
    const rows = names.map((name) => tableRow(figure.querySelector(".at-this-time tbody"), name));
    const status = figure.querySelector("[role=status]");
    let timer = null;

    function show(k) {
      names.forEach((name, n) => box(boxes[n], rows[n], name, frames.services[name], k));
      lines.forEach((line, n) => {
        const rate = calls[n].rate[k], failing = calls[n].failing[k];
        line.style.strokeWidth = (rate > 0 ? 0.8 + 1.1 * Math.log10(1 + rate) : 0.4).toFixed(2);
        line.classList.toggle("failing", failing >= 10);
      });
      const from = frames.time_s[k], until = from + frames.width_s[k];
      const active = frames.cascades.filter((one) => one.begins_s < until && one.ends_s > from);
      const begun = active.flatMap((one) => one.edges.filter((edge) => edge.begins_s < until));
      frames.drawn.drags.forEach(([source, target, how], n) =>
        drags[n].classList.toggle("on", begun.some((edge) => edge.source === source && edge.target === target && edge.how === how)));
      figure.querySelector(".clock").textContent = Charts.clock(from);
      figure.querySelector(".overall").textContent = `${percent(frames.failing[k])} of requests fail`;
      tell(figure.querySelector(".now"), active, until);
      strip.setAttribute("x1", place(k));
      strip.setAttribute("x2", place(k));
      const paths = active.map((one) => one.path.join(" to ")).join("; ");
      slider.setAttribute("aria-valuetext", `${Charts.clock(from)}, ${percent(frames.failing[k])} of requests fail${paths ? `, cascade ${paths}` : ""}`);
    }
    const place = (k) => (1000 * k) / Math.max(1, last);

    function stop() {
      clearTimeout(timer);
      timer = null;
      figure.classList.remove("moving");
      label("▶", "Play");
      status.textContent = slider.getAttribute("aria-valuetext");
    }
    function go() {
      if (Number(slider.value) >= last) slider.value = 0;
      figure.classList.add("moving");
      label("❚❚", "Pause");
      step();
    }
    function step() {
      timer = setTimeout(() => {
        if (Number(slider.value) >= last) return stop();
        slider.value = Number(slider.value) + 1;
        show(Number(slider.value));
        step();
      }, 1000 / Number(speed.value));
    }
    function label(sign, word) {
      play.querySelector("[aria-hidden]").textContent = sign;
      play.querySelector(".word").textContent = word;
      play.setAttribute("aria-label", word);
    }
    play.addEventListener("click", () => (timer === null ? go() : stop()));
    slider.addEventListener("input", () => show(Number(slider.value)));
    figure.querySelector(".strip").addEventListener("click", (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      slider.value = Math.round((last * (event.clientX - box.left)) / box.width);
      show(Number(slider.value));
    });
    show(Number(slider.value));
  }

  function box(group, row, name, own, k) {
    const busy = own.busy ? own.busy[k] : null, waiting = own.waiting ? own.waiting[k] : null, failing = own.failing[k];
    const parts = [];
    if (failing > 0) parts.push(`${percent(failing)} fail`);
    if (waiting >= 0.5) parts.push(`${number(waiting)} waiting`);
    group.querySelector(".load").textContent = `${number(own.load[k])}/s`;
    group.querySelector(".state").textContent = parts.join(" · ");
    const bar = group.querySelector(".busy"), track = group.querySelector(".track");
    bar.setAttribute("width", busy === null ? 0 : (Number(track.getAttribute("width")) * Math.min(1000, busy)) / 1000);
    bar.classList.toggle("full", busy >= 900);
    track.style.visibility = busy === null ? "hidden" : "visible";
    const tint = group.querySelector(".tint");
    tint.style.fillOpacity = failing > 0 ? Math.min(0.55, 0.06 + 0.5 * Math.sqrt(failing / 1000)).toFixed(3) : 0;
    tint.style.strokeOpacity = failing >= 10 ? 1 : 0;
    const busyText = busy === null ? "–" : percent(busy), waitingText = waiting === null ? "–" : number(waiting);
    group.setAttribute("aria-label", `${name}: ${number(own.load[k])} arrivals per second, ${percent(failing)} fail, busy ${busyText}, ${waitingText} waiting`);
    group.querySelector("title").textContent = `${name}\n${number(own.load[k])} arrivals/s\n${percent(failing)} fail\nbusiest station ${busyText} in use\n${waitingText} waiting`;
    [number(own.load[k]), percent(failing), busyText, waitingText].forEach((text, n) => (row.cells[n + 1].textContent = text));
  }

  function tableRow(body, name) {
    const row = body.insertRow(), head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    row.append(head);
    for (let k = 0; k < 4; k++) row.insertCell().className = "n";
    return row;
  }

  function tell(where, active, until) {
    where.replaceChildren();
    if (!active.length) where.append(Object.assign(document.createElement("div"), { textContent: "none" }));
    for (const one of active) {
      const path = document.createElement("p"), list = document.createElement("ul");
      path.textContent = one.path.join(" → ");
      const about = document.createElement("li");
      about.textContent = `from ${one.cause}, ${percent(Math.round(1000 * one.share))} of the trouble`;
      list.append(about);
      for (const edge of one.edges.filter((found) => found.begins_s < until)) {
        const line = document.createElement("li");
        line.textContent = `${edge.source} → ${edge.target}: ${edge.says} (${percent(Math.round(1000 * edge.share))})`;
        list.append(line);
      }
      where.append(path, list);
    }
  }

  function drawStrip(svg, frames) {
    const last = Math.max(1, frames.time_s.length - 1), most = Math.max(10, ...frames.failing);
    const make = (kind, given) => {
      const made = document.createElementNS(NS, kind);
      for (const [key, value] of Object.entries(given)) made.setAttribute(key, value);
      svg.append(made);
      return made;
    };
    const points = frames.failing.map((share, k) => `${((1000 * k) / last).toFixed(1)},${(44 - (42 * share) / most).toFixed(1)}`);
    make("polygon", { class: "area", points: `0,44 ${points.join(" ")} 1000,44` });
    make("line", { class: "base", x1: 0, x2: 1000, y1: 44, y2: 44 });
    const begins = frames.time_s[0], span = frames.time_s[frames.time_s.length - 1] - begins || 1;
    for (const one of frames.cascades) {
      const from = Math.max(0, (1000 * (one.begins_s - begins)) / span), to = Math.min(1000, (1000 * (one.ends_s - begins)) / span);
      make("rect", { class: "spell", x: from.toFixed(1), width: Math.max(2, to - from).toFixed(1), y: 50, height: 6, "fill-opacity": 0.35 + 0.3 * Math.min(1, one.path.length - 2) });
    }
    return make("line", { class: "cursor", x1: 0, x2: 0, y1: 0, y2: 60 });
  }

  function begin() {
    for (const script of document.querySelectorAll("script[data-playing]")) {
      start(document.getElementById(script.dataset.playing), JSON.parse(script.textContent));
    }
  }
  return { begin };
})();
