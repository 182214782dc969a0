// Shows one JSON value as a page: a title, cards, and sections of charts and tables. What the JSON
// holds is described in report/page.h.

const kPaperWidth = 650;  // of a chart in print, in CSS pixels; fits A4 and letter

addEventListener("error", (event) => { document.documentElement.dataset.error = event.message; });

/** The page that is shown, with what its reader switched off. */
let current = null;

function redraw() {
  current.drawn.forEach((chart) => chart.draw());
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  if (current) {
    redraw();
  }
}

function switchable(page) {
  return Object.assign(page, {
    hidden: new Set(), drawn: [],
    toggle(name) {
      if (!this.hidden.delete(name)) {
        this.hidden.add(name);
      }
      redraw();
    },
    only(name, names) {
      const alone = names.every((other) => other === name || this.hidden.has(other));
      names.forEach((other) => (alone || other === name ? this.hidden.delete(other) : this.hidden.add(other)));
      redraw();
    },
  });
}

/** One chart at a time, chosen by a row of buttons. */
function tabbed(page, charts) {
  const place = element("div");
  const buttons = charts.map((chart) => element("button", {type: "button", textContent: chart.tab || chart.title}));
  const choose = (i) => {
    buttons.forEach((button, j) => { button.ariaPressed = String(i === j); });
    place.replaceChildren(chartPanel(page, charts[i]));
    const [chart] = page.drawn.slice(-1);
    page.drawn.filter((other) => !other.shown()).forEach((other) => other.destroy());
    page.drawn = page.drawn.filter((other) => other.shown());
    chart.draw();
  };
  buttons.forEach((button, i) => { button.onclick = () => choose(i); });
  return [element("div", {className: "tabs"}, ...buttons), place, () => choose(0)];
}

/** A picture that lies in the page; a phone scrolls it. */
function picturePanel(picture) {
  return element("div", {className: "panel"},
    picture.title ? element("div", {className: "bar"}, element("h3", {textContent: picture.title})) : null,
    picture.note ? element("p", {textContent: picture.note}) : null,
    element("div", {className: "wide picture"}, element("img", {src: picture.source, alt: picture.title})));
}

function sectionOf(page, section) {
  const made = element("section", {}, element("h2", {textContent: section.title}),
    section.note ? element("p", {textContent: section.note}) : null);
  let start = () => {};
  const charts = typeof Chart === "undefined" ? [] : section.charts;
  if (section.tabs && charts.length > 1) {
    const [tabs, place, first] = tabbed(page, charts);
    made.append(tabs, place);
    start = first;
  } else if (charts.length > 0) {
    made.append(element("div", {className: charts.length > 1 ? "grid" : ""}, ...charts.map((chart) => chartPanel(page, chart))));
  }
  made.append(...section.tables.map(tablePanel), ...section.pictures.map(picturePanel));
  return [made, start];
}

function headerOf(page) {
  const button = element("button", {type: "button", textContent: "dark / light"});
  button.onclick = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  return element("header", {}, element("div", {className: "tools"}, button), element("h1", {textContent: page.title}),
    ...page.notes.map((note) => element("p", {textContent: note})));
}

/** Shows `page`; a page that is shown already is replaced. */
function show(page) {
  current?.drawn.forEach((chart) => chart.destroy());
  current = switchable(page);
  const cards = page.cards.map((card) => element("div", {className: "card"},
    element("b", {textContent: card.value}), element("span", {textContent: card.what})));
  const sections = page.sections.map((section) => sectionOf(page, section));
  document.getElementById("main").replaceChildren(headerOf(page),
    ...(cards.length ? [element("div", {className: "cards"}, ...cards)] : []),
    ...sections.map(([made]) => made),
    ...(page.config ? [element("section", {}, element("h2", {textContent: "Configuration"}), textPanel("config.toml", page.config))] : []),
    element("footer", {textContent: typeof Chart === "undefined" ? "Made by LoRAE, built without a chart library."
      : `Made by LoRAE. Charts: Chart.js ${Chart.version}, MIT License, in the source of this page.`}));
  redraw();
  sections.forEach(([, start]) => start());
}

const dark = matchMedia("(prefers-color-scheme: dark)");
setTheme(dark.matches ? "dark" : "light");
dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));

let screenTheme = "light";
addEventListener("beforeprint", () => {
  screenTheme = document.documentElement.dataset.theme;
  setTheme("light");
  current.drawn.forEach((chart) => chart.print(kPaperWidth));
});
addEventListener("afterprint", () => setTheme(screenTheme));

show(JSON.parse(document.getElementById("data").textContent));

// For tests: how many charts there are, whether the page is wider than the window, and how long it took.
Object.assign(document.documentElement.dataset, {
  charts: current.drawn.length,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  milliseconds: Math.round(performance.now()),
});
