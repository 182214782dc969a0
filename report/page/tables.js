// Tables that are sorted by a click on a heading and copied as tab-separated values.

/** An element with properties and children; texts become text nodes, so no name is ever markup. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // an older browser, or a page from a file
    const area = element("textarea", {value: text, style: "position:fixed;opacity:0"});
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** A button that copies what `text` gives when it is pressed. */
function copyButton(text, title = "copy as tab-separated values") {
  const button = element("button", {type: "button", textContent: "copy", title});
  button.onclick = async () => {
    await copyText(text());
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1200);
  };
  return button;
}

// A cell is null, a text, a number, [number, text], or [number, text, what the pointer is told].
const numberOf = (cell) => (Array.isArray(cell) ? cell[0] : cell);
const textOf = (cell, unit) => (Array.isArray(cell) && cell[1] !== "" ? cell[1] : formatted(numberOf(cell), unit));

function tsvOf(columns, rows) {
  const plain = (cell) => String(numberOf(cell) ?? "").replace(/[\t\r\n]+/g, " ");
  return [columns.map((column) => plain(column.name)), ...rows.map((row) => row.map(plain))]
    .map((row) => row.join("\t")).join("\n") + "\n";
}

function compareCells(a, b) {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left === null || right === null) {
    return (left === null) - (right === null);
  }
  return typeof left === "number" && typeof right === "number"
    ? left - right : String(left).localeCompare(String(right), "en", {numeric: true});
}

function bodyOf(table, rows) {
  const most = table.heat
    ? Math.max(1, ...table.rows.flatMap((row) => row.map(numberOf).filter((cell) => typeof cell === "number"))) : 0;
  return element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell, i) => {
    const column = table.columns[i];
    const made = element("td", {textContent: textOf(cell, column.unit)});
    made.dataset.label = column.name;
    if (Array.isArray(cell) && cell[2]) {
      made.title = cell[2];
    }
    if (column.unit === "text") {
      made.className = "text";
    } else if (table.heat && typeof numberOf(cell) === "number") {
      made.className = "heat";
      made.style.setProperty("--heat", `${Math.round(62 * Math.sqrt(numberOf(cell) / most))}%`);
    } else if (table.heat) {
      made.className = "none";
    }
    return made;
  }))));
}

/** `table`: {title, note, columns: [{name, unit}], rows, heat}. */
function tableOf(table) {
  const made = element("table", {className: table.columns.length > 6 && !table.heat && table.rows.length <= 24 ? "stack" : ""});
  let body = bodyOf(table, table.rows);
  const headings = table.columns.map((column, i) => {
    const heading = element("th", {className: column.unit === "text" ? "text" : "", textContent: column.name, tabIndex: 0});
    heading.onclick = () => {
      const up = heading.ariaSort === "descending" || (heading.ariaSort !== "ascending" && column.unit === "text");
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.ariaSort = up ? "ascending" : "descending";
      const rows = [...table.rows].sort((a, b) => (up ? 1 : -1) * compareCells(a[i], b[i]));
      const sorted = bodyOf(table, rows);
      body.replaceWith(sorted);
      body = sorted;
    };
    heading.onkeydown = (event) => { if (event.key === "Enter") { heading.onclick(); } };
    return heading;
  });
  made.append(element("thead", {}, element("tr", {}, ...headings)), body);
  return element("div", {className: "wide"}, made);
}

/** Filled when it is opened: a long table costs nothing before. */
function tablePanel(table) {
  const tools = () => element("div", {className: "tools"}, copyButton(() => tsvOf(table.columns, table.rows)));
  const note = () => (table.note ? element("p", {textContent: table.note}) : null);
  if (table.open) {
    return element("div", {className: "panel"},
      element("div", {className: "bar"}, element("h3", {textContent: table.title}), tools()), note(), tableOf(table));
  }
  const details = element("details", {}, element("summary", {},
    element("h3", {textContent: `${table.title} (${table.rows.length} rows)`})));
  details.addEventListener("toggle", () => {
    details.append(element("div", {className: "bar"}, tools()), note() ?? "", tableOf(table));
  }, {once: true});
  return element("div", {className: "panel"}, details);
}

function textPanel(title, text) {
  const details = element("details", {}, element("summary", {}, element("h3", {textContent: title})),
    element("div", {className: "bar"}, copyButton(() => text, "copy")), element("pre", {textContent: text}));
  return element("div", {className: "panel"}, details);
}
