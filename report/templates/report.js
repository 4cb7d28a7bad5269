"use strict";
(() => {
  const all = (query, root = document) => [...root.querySelectorAll(query)];
  const make = (tag, text, parent) => {
    const element = document.createElement(tag);
    element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };

  // The command that repeats the run: one press copies it.
  const command = document.getElementById("command");
  if (command && navigator.clipboard) {
    const button = make("button", "copy");
    command.after(" ", button);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(command.textContent);
      button.textContent = "copied";
    });
  }

  // A press on a column's head sorts by it; a second press turns the order round. Empty cells stay last.
  const key = (row, index) => {
    const cell = row.cells[index];
    const sort = cell.getAttribute("data-sort");
    if (sort === "") return null;
    return sort === null ? cell.textContent.trim() : Number(sort);
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true }));
  for (const table of all("table.sortable")) {
    const heads = all("thead th", table);
    heads.forEach((head, index) => {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = all("tbody tr", table).map((row) => [key(row, index), row]);
        rows.sort(([a], [b]) => (a === null) - (b === null) || (a === null ? 0 : compare(a, b) * (down ? -1 : 1)));
        table.tBodies[0].append(...rows.map(([, row]) => row));
      });
    });
  }

  // One filter for the tables and the list of cases.
  const rows = all("table.filtered tbody tr").map((row) => [row, row.cells[0].textContent]);
  const cases = all("details.case").map((details) => [details, details.dataset.case]);
  const overview = document.querySelector("#overview .scroll");
  if (overview) {
    const tools = document.createElement("div");
    tools.className = "tools";
    overview.before(tools);
    const label = make("label", "filter cases ", tools);
    const input = make("input", "", label);
    input.type = "search";
    const chosen = make("label", "verdict ", tools);
    const select = make("select", "", chosen);
    for (const word of ["all", "fail", "warn", "pass"]) make("option", word, select);
    const count = make("span", "", tools);
    count.className = "note";
    count.setAttribute("role", "status");
    const apply = () => {
      const words = input.value.toLowerCase().split(/\s+/);
      const shown = [...rows, ...cases].filter(([element, name]) => {
        const named = words.every((word) => name.toLowerCase().includes(word));
        const judged = select.value === "all" || element.dataset.verdict === select.value;
        element.hidden = !(named && judged);
        return !element.hidden && element.matches("details");
      });
      count.textContent = shown.length === cases.length ? "" : `${shown.length} of ${cases.length} cases`;
    };
    input.addEventListener("input", apply);
    select.addEventListener("change", apply);
  }

  // All cases open or closed; a link to a case opens it.
  const first = document.querySelector("details.case");
  if (first) {
    const tools = document.createElement("div");
    tools.className = "tools";
    first.before(tools);
    for (const [text, open] of [["open all", true], ["close all", false]]) {
      make("button", text, tools).addEventListener("click", () => cases.forEach(([details]) => (details.open = open)));
    }
  }
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const details = target && target.closest("details");
    if (!details) return;
    details.hidden = false;
    details.open = true;
    details.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
