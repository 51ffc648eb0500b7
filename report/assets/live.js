// Keeps the page of `kcorr live` up to date: asks every two seconds whether anything is new, and puts it in place. What a
// reader has opened stays open, and where they are they stay. Nothing moves while a chart is zoomed, or when it is held.
"use strict";
(() => {
  const EVERY = 2000;
  const said = document.querySelector("#live-said");
  const button = document.querySelector("#live-hold");
  const utc = () => new Date().toISOString().slice(11, 19) + " UTC";
  let tag = document.querySelector('meta[name="kcorr-state"]').content;
  let isHeld = false;
  // A reader's program says it when it changes, and not every two seconds.
  const say = (words) => {
    if (said.textContent !== words) said.textContent = words;
  };
  const isZoomed = () => document.documentElement.classList.contains("zoomed");

  button.addEventListener("click", () => {
    isHeld = !isHeld;
    button.setAttribute("aria-pressed", String(isHeld));
    say(isHeld ? `held since ${utc()}` : "kept up to date");
    if (!isHeld) look();
  });

  const replace = (text) => {
    const next = new DOMParser().parseFromString(text, "text/html");
    const openedBefore = new Set([...document.querySelectorAll("main details[open]")].map(nameOf));
    const focused = document.activeElement?.closest?.("main") ? pathOf(document.activeElement) : null;
    const [x, y] = [scrollX, scrollY];
    for (const part of ["main", "#about"]) {
      document.querySelector(part).replaceChildren(...next.querySelector(part).childNodes);
    }
    for (const fold of document.querySelectorAll("main details")) {
      if (openedBefore.has(nameOf(fold))) fold.open = true;
    }
    document.title = next.title;
    tag = next.querySelector('meta[name="kcorr-state"]').content;
    restart();
    scrollTo({ left: x, top: y, behavior: "instant" });
    if (focused) document.querySelector(focused)?.focus({ preventScroll: true });
  };
  const nameOf = (fold) => fold.id || fold.querySelector("summary").textContent;
  // The nearest element with an id, and the place below it.
  const pathOf = (node) => {
    const steps = [];
    for (; node && !node.id && node.localName !== "main"; node = node.parentElement) {
      const place = [...node.parentElement.children].indexOf(node) + 1;
      steps.unshift(`${node.localName}:nth-child(${place})`);
    }
    const begin = node?.id ? `#${CSS.escape(node.id)}` : "main";
    return [begin, ...steps].join(" > ");
  };

  const look = async () => {
    if (isHeld || document.hidden) return;
    if (isZoomed()) return say("held while a chart is zoomed: Escape in it shows all");
    try {
      const answer = await fetch(location.pathname, { headers: { "If-None-Match": tag }, cache: "no-store" });
      if (answer.status === 401 || answer.status === 403) return say("no longer allowed: load the page again");
      if (answer.status !== 200 && answer.status !== 304) throw new Error(answer.status);
      const text = answer.status === 200 ? await answer.text() : null;
      if (text && !isHeld && !isZoomed()) replace(text);
      if (!isHeld) say("kept up to date");
    } catch {
      if (!said.textContent.startsWith("no answer")) say(`no answer since ${utc()}: what is shown may be old`);
    }
  };
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
})();
