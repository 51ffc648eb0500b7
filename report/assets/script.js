// What a reader can do with the report: zoom charts, sort and filter tables, open rows. All that is shown
// is in the page already; without this script every row is open and every chart whole.
"use strict";
const begin = (signal, isFirst) => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (name, attributes = {}, text = "") => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text;
    return node;
  };
  const SVG = document.querySelector("svg")?.namespaceURI;
  document.documentElement.classList.add("script");
  document.documentElement.classList.remove("zoomed");

  // ---- zoom: charts of one group show the same part of time -------------------------------------------
  // Times are ns since 1970, too large for a number: kept relative to the chart's start, in ms.
  const relative = (ns, origin) => Number(BigInt(ns) - BigInt(origin)) / 1e6;
  const charts = all("svg.chart[data-group]").map((svg) => {
    const plot = svg.querySelector("svg.plot");
    const [, , width, height] = plot.getAttribute("viewBox").split(" ").map(Number);
    return {
      svg, plot, width, height, group: svg.dataset.group, origin: svg.dataset.start,
      span: relative(svg.dataset.end, svg.dataset.start),
      ticks: svg.querySelector(".ticks"), whole: svg.querySelector(".ticks").innerHTML,
    };
  });
  const groups = new Map();
  for (const chart of charts) {
    if (!groups.has(chart.group)) groups.set(chart.group, { charts: [], range: null, resets: [] });
    groups.get(chart.group).charts.push(chart);
  }
  const STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500,
    1e3, 2e3, 5e3, 1e4, 1.5e4, 3e4, 6e4, 1.2e5, 3e5, 6e5, 9e5, 1.8e6, 3.6e6, 7.2e6, 2.16e7, 8.64e7];
  const clock = (origin, ms, step) => {
    const ns = BigInt(origin) + BigInt(Math.round(ms * 1e6));
    const day = Number((ns / 1000000n) % 86400000n);
    const text = new Date(day).toISOString().slice(11, 23);
    if (step < 1) return text + String(ns % 1000000n).padStart(6, "0").slice(0, 3);
    return step < 1000 ? text : step < 60000 ? text.slice(0, 8) : text.slice(0, 5);
  };
  const drawTicks = (chart, [from, to]) => {
    const step = STEPS.find((s) => (to - from) / s <= 8) ?? (to - from) / 8;
    const originMs = Number((BigInt(chart.origin) / 1000n) % 86400000000n) / 1000;
    chart.ticks.replaceChildren();
    for (let at = Math.ceil((originMs + from) / step) * step - originMs; at <= to; at += step) {
      const x = ((at - from) / (to - from)) * chart.width;
      const line = document.createElementNS(SVG, "line");
      for (const [k, v] of [["x1", x], ["x2", x], ["y1", 0], ["y2", 5]]) line.setAttribute(k, v);
      const text = document.createElementNS(SVG, "text");
      text.setAttribute("x", x); text.setAttribute("y", 19); text.setAttribute("class", "middle");
      text.textContent = clock(chart.origin, at, step);
      chart.ticks.append(line, text);
    }
  };
  // Heatmaps have finer cells, as numbers: those of the part of time that is shown are drawn when there is room.
  for (const chart of charts) {
    const node = chart.plot.querySelector("g.fine");
    if (!node) continue;
    const { first, step, classes, cells, noun } = node.dataset;
    let [at, most] = [0, 1];
    chart.fine = {
      node, noun, whole: chart.plot.querySelector("g.whole"), step: step / 1e6, first: relative(first, chart.origin),
      classes: classes.split("|").map((text) => /^(\S+) (\S+) (.*)$/.exec(text).slice(1)),
      cells: cells.split(" ").map((text) => {
        const [steps, of, count = 1] = text.split(".").map(Number);
        at += steps;
        most = Math.max(most, count);
        return [at, of, count];
      }),
    };
    chart.fine.most = most;
  }
  const drawFine = (chart, range) => {
    const { fine, span, width } = chart;
    if (!fine) return;
    const [from, to] = range ?? [0, span];
    const isDrawn = (to - from) / fine.step <= 300;
    fine.node.replaceChildren();
    fine.whole.style.display = isDrawn ? "none" : "";
    if (!isDrawn) return;
    for (const [step, of, count] of fine.cells) {
      const start = fine.first + step * fine.step;
      if (start + fine.step <= from || start >= to) continue;
      const [y, height, label] = fine.classes[of];
      const shade = fine.most > 1 ? Math.min(1 + Math.floor((5 * Math.log(count)) / Math.log(fine.most)), 5) : 5;
      const cell = document.createElementNS(SVG, "rect");
      const place = { x: (start / span) * width, y, width: (fine.step / span) * width, height, class: `h${shade} choosable` };
      for (const [key, value] of Object.entries(place)) cell.setAttribute(key, value);
      const title = document.createElementNS(SVG, "title");
      title.textContent = `${clock(chart.origin, start, 1)}, ${label}: ${count.toLocaleString("en")} ${fine.noun}`;
      cell.append(title);
      fine.node.append(cell);
    }
  };
  const zoom = (name, range) => {
    const group = groups.get(name);
    const { span } = group.charts[0];
    if (range) {
      const width = Math.max(range[1] - range[0], span / 1e5);
      const from = Math.min(Math.max(range[0], 0), span - width);
      range = width >= span ? null : [from, from + width];
    }
    group.range = range;
    for (const chart of group.charts) {
      const [from, to] = range ?? [0, chart.span];
      const x = (from / chart.span) * chart.width;
      const width = ((to - from) / chart.span) * chart.width;
      chart.plot.setAttribute("viewBox", `${x} 0 ${width} ${chart.height}`);
      if (range) drawTicks(chart, range); else chart.ticks.innerHTML = chart.whole;
    }
    for (const chart of group.charts) drawFine(chart, range);
    for (const reset of group.resets) reset.hidden = !range;
    const isZoomed = [...groups.values()].some((each) => each.range);
    document.documentElement.classList.toggle("zoomed", isZoomed);
    if (name === "time") for (const refresh of refreshers) refresh();
  };
  // Where in the plot's own units a pointer is.
  const place = (chart, event) => {
    const outer = chart.svg.getBoundingClientRect();
    const scale = outer.width / chart.svg.viewBox.baseVal.width;
    const left = outer.left + Number(chart.plot.getAttribute("x")) * scale;
    const part = Math.min(Math.max((event.clientX - left) / (chart.width * scale), 0), 1);
    const visible = chart.plot.viewBox.baseVal;
    return visible.x + part * visible.width;
  };
  const refreshers = [];
  for (const chart of charts) {
    const group = groups.get(chart.group);
    const figure = chart.svg.closest("figure");
    const bar = make("span", { class: "zoom" });
    const reset = make("button", { type: "button" }, "Show all");
    reset.hidden = true;
    reset.addEventListener("click", () => zoom(chart.group, null));
    group.resets.push(reset);
    bar.append(reset);
    figure.querySelector("figcaption")?.append(bar);
    chart.svg.setAttribute("tabindex", "0");
    const hint = "Drag, or press + and −, to zoom; arrow keys move; < and > read values; Escape shows all.";
    chart.svg.setAttribute("aria-description", hint);
    let from = null;
    const mark = document.createElementNS(SVG, "rect");
    mark.setAttribute("class", "selection");
    mark.setAttribute("height", chart.height);
    chart.plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType === "touch") return;
      from = place(chart, event);
    });
    window.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const to = place(chart, event);
      mark.setAttribute("x", Math.min(from, to));
      mark.setAttribute("width", Math.abs(to - from));
      if (!mark.isConnected) chart.plot.append(mark);
    }, { signal });
    window.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const [low, high] = [from, place(chart, event)].sort((a, b) => a - b);
      from = null;
      mark.remove();
      if (high - low < chart.plot.viewBox.baseVal.width / 200) return;
      zoom(chart.group, [(low / chart.width) * chart.span, (high / chart.width) * chart.span]);
    }, { signal });
    chart.plot.addEventListener("dblclick", () => zoom(chart.group, null));
    chart.svg.addEventListener("keydown", (event) => {
      const [low, high] = group.range ?? [0, chart.span];
      const [middle, half] = [(low + high) / 2, (high - low) / 2];
      const moves = {
        "+": [middle - half / 2, middle + half / 2], "=": [middle - half / 2, middle + half / 2],
        "-": [middle - half * 2, middle + half * 2],
        ArrowLeft: [low - half / 2, high - half / 2], ArrowRight: [low + half / 2, high + half / 2],
      };
      if (event.key === "Escape") zoom(chart.group, null);
      else if (moves[event.key]) zoom(chart.group, moves[event.key]);
      else return;
      event.preventDefault();
    });
  }

  // ---- what is under the pointer, a finger, or the keys < and > is said below the chart -----------------
  for (const chart of charts) {
    const isMark = (mark) => mark?.querySelector("title") && !mark.parentNode.style.display;
    const marks = () => all("rect", chart.plot).filter(isMark);
    if (marks().length === 0) continue;
    const said = make("output", { class: "said", "aria-live": "polite" });
    chart.svg.closest("figure").append(said);
    const cross = document.createElementNS(SVG, "line");
    cross.setAttribute("class", "cross");
    cross.setAttribute("y1", 0);
    cross.setAttribute("y2", chart.height);
    let current = null;
    const say = (mark, x) => {
      said.textContent = mark?.querySelector("title").textContent ?? "";
      current?.classList.remove("current");
      current = mark?.classList.contains("hover") ? null : mark;
      current?.classList.add("current");
      if (x === undefined) return cross.remove();
      cross.setAttribute("x1", x);
      cross.setAttribute("x2", x);
      if (!cross.isConnected) chart.plot.append(cross);
    };
    const point = (event) => {
      const mark = event.target.closest?.("rect");
      say(mark?.querySelector("title") ? mark : null, place(chart, event));
    };
    chart.plot.addEventListener("pointermove", point);
    chart.plot.addEventListener("pointerdown", point);
    chart.plot.addEventListener("pointerleave", () => say(null));
    const middle = (mark) => Number(mark.getAttribute("x")) + Number(mark.getAttribute("width")) / 2;
    let at = -1;
    chart.svg.addEventListener("keydown", (event) => {
      if (event.key !== "<" && event.key !== ">" && event.key !== "," && event.key !== ".") return;
      const step = event.key === ">" || event.key === "." ? 1 : -1;
      const visible = chart.plot.viewBox.baseVal;
      const isSeen = (mark) => middle(mark) >= visible.x && middle(mark) <= visible.x + visible.width;
      const seen = marks().filter(isSeen).sort((a, b) => middle(a) - middle(b));
      if (seen.length === 0) return;
      at = Math.min(Math.max(at + step, 0), seen.length - 1);
      say(seen[at], middle(seen[at]));
      event.preventDefault();
    });
    // A click on a cell shows its time in all charts, and the requests of it in the table.
    if (chart.group !== "time") continue;
    for (const mark of marks()) {
      if (!mark.closest("a") && !mark.classList.contains("hover")) mark.classList.add("choosable");
    }
    chart.plot.addEventListener("click", (event) => {
      const mark = event.target.closest("rect.choosable");
      if (!mark) return;
      const ms = (x) => (x / chart.width) * chart.span;
      const [x, width] = [Number(mark.getAttribute("x")), Number(mark.getAttribute("width"))];
      zoom("time", [ms(x), ms(x + width)]);
    });
  }

  // ---- tables: sort, filter, open ---------------------------------------------------------------------
  const value = (row, at) => {
    const cell = row.children[at];
    const data = cell?.querySelector("data");
    return data ? data.value : (cell?.textContent ?? "");
  };
  const order = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? (a < b ? -1 : a > b ? 1 : 0) : x - y;
  };
  for (const table of all("main table")) {
    const body = table.tBodies[0];
    const rows = all(":scope > tr[data-place]", body);
    const heads = all("thead th", table);
    heads.forEach((head, at) => {
      if (head.classList.contains("open") || rows.length < 2) return;
      const button = make("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const isNumber = head.classList.contains("number");
        const first = isNumber ? "descending" : "ascending";
        const other = isNumber ? "ascending" : "descending";
        const way = head.getAttribute("aria-sort") === first ? other : first;
        for (const each of heads) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", way);
        const details = new Map(rows.map((row) => [row, row.nextElementSibling?.matches(".detail") ? row.nextElementSibling : null]));
        const sign = way === "ascending" ? 1 : -1;
        const sorted = [...rows].sort((a, b) => {
          const [x, y] = [value(a, at), value(b, at)];
          const empty = (x === "") - (y === "");
          return empty || sign * order(x, y) || a.dataset.place - b.dataset.place;
        });
        body.append(...sorted.flatMap((row) => (details.get(row) ? [row, details.get(row)] : [row])));
        for (const refresh of refreshers) refresh();
      });
    });
    for (const row of rows) {
      const detail = row.nextElementSibling;
      if (!detail?.matches(".detail")) continue;
      const button = make("button", { type: "button", "aria-expanded": "false", "aria-label": "Show the chain" }, "+");
      row.querySelector("td.open").append(button);
      row.classList.add("openable");
      row.addEventListener("click", (event) => {
        if (event.target.closest("a") || String(getSelection())) return;
        open(row, !detail.classList.contains("is-open"));
      });
    }
  }
  function open(row, isOpen) {
    const button = row.querySelector("td.open button");
    row.nextElementSibling.classList.toggle("is-open", isOpen);
    button.setAttribute("aria-expanded", String(isOpen));
    button.textContent = isOpen ? "−" : "+";
  }
  for (const block of all(".table[data-filtered]")) {
    const form = block.querySelector("form.filter");
    const rows = all("tbody > tr[data-place]", block).map((row) => {
      const detail = row.nextElementSibling?.matches(".detail") ? row.nextElementSibling : null;
      const cause = row.querySelector('data[data-c="cause"]')?.value;
      return { row, detail, cause, text: (row.textContent + " " + (detail?.textContent ?? "")).toLowerCase() };
    });
    const origin = charts.find((chart) => chart.group === "time")?.origin;
    // The first rows are shown until more are asked for.
    let first = Number(block.dataset.first ?? Infinity);
    const rest = block.querySelector(".rest");
    rest?.querySelector("button").addEventListener("click", () => {
      first = Infinity;
      refresh();
    });
    const refresh = () => {
      const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
      const cause = form.elements.cause.value;
      const range = groups.get("time")?.range;
      let [shown, found] = [0, 0];
      const inOrder = new Map(all("tbody > tr[data-place]", block).map((row, at) => [row, at]));
      rows.sort((a, b) => inOrder.get(a.row) - inOrder.get(b.row));
      for (const each of rows) {
        let isShown = (!cause || each.cause === cause) && words.every((word) => each.text.includes(word));
        if (isShown && range && each.row.dataset.start) {
          isShown = relative(each.row.dataset.start, origin) < range[1]
            && relative(each.row.dataset.end, origin) > range[0];
        }
        found += isShown;
        isShown &&= found <= first;
        each.row.hidden = !isShown;
        if (each.detail) each.detail.hidden = !isShown;
        shown += isShown;
      }
      if (rest) {
        rest.hidden = shown === found;
        rest.querySelector("button").textContent = `Show all ${found}`;
      }
      const zoomed = range ? ", in the part of time that the charts are zoomed to" : "";
      form.querySelector("output").textContent = `${shown} of ${rows.length} shown${zoomed}`;
    };
    form.addEventListener("input", refresh);
    form.addEventListener("submit", (event) => event.preventDefault());
    refreshers.push(refresh);
    refresh();
  }

  // ---- flame graphs: a click on a frame shows only what is below it ------------------------------------
  for (const svg of all("svg.flame")) {
    const frames = all("g.frame", svg).map((node) => ({
      node, x: Number(node.dataset.x), w: Number(node.dataset.w), d: Number(node.dataset.d),
      rect: node.querySelector("rect"), text: node.querySelector("text"), name: node.querySelector("title").textContent.split(": ")[0],
    }));
    const full = svg.viewBox.baseVal.width;
    const show = (x, w) => {
      for (const frame of frames) {
        const [from, to] = [Math.max(frame.x, x), Math.min(frame.x + frame.w, x + w)];
        frame.node.style.display = to - from > w / 4000 ? "" : "none";
        const [left, width] = [((from - x) / w) * full, ((to - from) / w) * full];
        frame.rect.setAttribute("x", left);
        frame.rect.setAttribute("width", Math.max(width, 0.5));
        const room = Math.floor((width - 8) / 6.3);
        if (!frame.text && room >= 4) {
          frame.text = document.createElementNS(SVG, "text");
          frame.text.setAttribute("y", Number(frame.rect.getAttribute("y")) + 12);
          frame.node.append(frame.text);
        }
        if (!frame.text) continue;
        frame.text.setAttribute("x", left + 4);
        frame.text.textContent = room < 4 ? "" : frame.name.length <= room ? frame.name : "…" + frame.name.slice(1 - room);
      }
    };
    for (const frame of frames) frame.node.addEventListener("click", () => show(frame.x, frame.w));
    // What is searched for stands out, and its share is said: of frames in each other the outermost counts.
    const form = make("form", { class: "filter" });
    const label = make("label", {}, "Search ");
    const input = make("input", { type: "search", placeholder: "function, class", autocomplete: "off" });
    const found = make("output", { "aria-live": "polite" });
    label.append(input);
    form.append(label, found);
    svg.closest("figure").querySelector(".scroll").before(form);
    form.addEventListener("submit", (event) => event.preventDefault());
    input.addEventListener("input", () => {
      const word = input.value.trim().toLowerCase();
      const matching = frames.filter((frame) => word && frame.name.toLowerCase().includes(word));
      for (const frame of frames) frame.node.classList.toggle("found", matching.includes(frame));
      svg.classList.toggle("searched", word !== "");
      let [share, end] = [0, -1];
      for (const frame of [...matching].sort((a, b) => a.x - b.x || a.d - b.d)) {
        if (frame.x < end - 1e-6) continue;
        share += frame.w / full;
        end = frame.x + frame.w;
      }
      found.textContent = word ? `${matching.length} frames, ${(share * 100).toFixed(1)} % of the time` : "";
    });
    svg.addEventListener("dblclick", () => show(0, full));
    svg.addEventListener("keydown", (event) => { if (event.key === "Escape") show(0, full); });
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("aria-description", "A click on a frame widens it; a double click or Escape shows all.");
  }

  // ---- links into the page open what they lead to ------------------------------------------------------
  const follow = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    target.closest("details")?.setAttribute("open", "");
    if (target.matches("tr.openable")) {
      target.hidden = target.nextElementSibling.hidden = false;
      open(target, true);
    }
    target.scrollIntoView();
  };
  window.addEventListener("hashchange", follow, { signal });
  if (isFirst) follow();

  // ---- the navigation says where the reader is ---------------------------------------------------------
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "0px 0px -70% 0px" });
  all("main > section").forEach((section) => seen.observe(section));
  signal.addEventListener("abort", () => seen.disconnect());
};
let running = new AbortController();
begin(running.signal, true);
// For a page whose contents are replaced: what listened to those before is ended.
const restart = () => {
  running.abort();
  running = new AbortController();
  begin(running.signal, false);
};
