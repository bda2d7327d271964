// Charts and live updates. Every page can be read and used without this file.
"use strict";

const colours = () => getComputedStyle(document.documentElement);

// A chart's document names its colours var(--x); here they get the values of the theme in force.
function coloured(value, style) {
  if (typeof value === "string") {
    const found = /^var\((--[a-z]+)\)$/.exec(value);
    return found ? style.getPropertyValue(found[1]).trim() : value;
  }
  if (Array.isArray(value)) return value.length > 40 ? value : value.map((one) => coloured(one, style));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, coloured(one, style)]));
  }
  return value;
}

function note(figure, text) {
  const line = document.createElement("p");
  line.className = "note";
  line.textContent = text;
  figure.replaceChildren(line);
}

async function draw(figure) {
  if (!window.Plotly) return note(figure, "The chart cannot be drawn: plotly.js is not there.");
  try {
    const answer = await fetch(figure.dataset.chart, { headers: { accept: "application/json" } });
    const chart = await answer.json();
    if (chart.error) return note(figure, `${chart.error.message}. ${chart.error.remedy}`);
    if (chart.empty) return note(figure, "There is nothing to draw yet.");
    const style = colours();
    // side by side there is no room for them on a phone; the table below has every level
    if (figure.clientWidth < 500 && chart.layout.annotations) {
      chart.layout.annotations = chart.layout.annotations.filter((one) => one.x === 0);
    }
    if (!figure.classList.contains("drawn")) figure.replaceChildren();
    await Plotly.react(figure, coloured(chart.data, style), coloured(chart.layout, style), {
      responsive: true, displayModeBar: false, scrollZoom: false,
    });
    figure.classList.add("drawn");
  } catch (error) {
    note(figure, "The chart's data did not arrive. It is asked for again with the next change.");
  }
  return undefined;
}

const drawAll = () => Promise.all([...document.querySelectorAll("[data-chart]")].map(draw));

// The page as it is now, fetched in the background; what differs is put in its place. A part somebody is typing in,
// or has the focus in, is left alone.
async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const names = (root) => [...root.querySelectorAll("[data-live]")].map((part) => part.dataset.live).join("\n");
  if (names(fresh) !== names(document)) {
    // a pair was opened or closed: the page has other parts now
    if (!document.querySelector("main form :focus")) location.reload();
    return;
  }
  let changed = false;
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.querySelector(`[data-live="${CSS.escape(part.dataset.live)}"]`);
    // what somebody has opened or closed stays so
    part.querySelectorAll("details").forEach((one, place) => {
      const other = now && now.querySelectorAll("details")[place];
      if (other) other.open = one.open;
    });
    if (now && now.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) {
      part.replaceChildren(...now.childNodes);
      changed = true;
      part.classList.remove("fresh");
      void part.offsetWidth;
      part.classList.add("fresh");
    }
  }
  if (changed) await drawAll();
}

function listen() {
  if (!document.querySelector("[data-live]")) return;
  const line = document.getElementById("live");
  const said = line.textContent;
  const source = new EventSource("/events");
  let waiting = null;
  source.addEventListener("hello", () => {
    line.textContent = `● live. ${said}`;
    // what changed between the page's making and this moment, or while the dashboard was away
    refresh().catch(() => {});
  });
  source.addEventListener("change", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      try {
        await refresh();
        line.textContent = `● live, changed at ${new Date().toLocaleTimeString()}. ${said}`;
      } catch (error) {
        line.textContent = `○ the dashboard does not answer. ${said}`;
      }
    }, 300);
  });
  source.addEventListener("error", () => { line.textContent = `○ not live: the dashboard does not answer. ${said}`; });
  addEventListener("pagehide", () => source.close());
}

document.addEventListener("DOMContentLoaded", () => {
  // a table that can be scrolled sideways must be reachable by keyboard
  for (const box of document.querySelectorAll(".wide")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
  drawAll();
  listen();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
});
