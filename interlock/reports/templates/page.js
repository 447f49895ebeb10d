// The page as a whole: which sheet is shown, which cell is open, and what the reader does.
const chooser = document.getElementById("sheets");
const section = document.getElementById("table");
const MOST_TABS = 8;
let open = null; // the row and column of the cell whose details are shown

function drawChooser() {
  if (sheets.length < 2) return;
  const label = "Which table";
  if (sheets.length > MOST_TABS) {
    const options = sheets.map((sheet, number) => element("option", { value: number }, `${sheet.upstream} × ${sheet.downstream} · ${sheet.setting}`));
    chooser.append(element("select", { "aria-label": label }, ...options));
    return;
  }
  const tabs = sheets.map((sheet, number) => element("button", { role: "tab", type: "button", "aria-controls": "grid", "data-sheet": number },
    `${sheet.upstream} × ${sheet.downstream}`, element("span", { class: "aside" }, sheet.setting)));
  chooser.append(element("div", { role: "tablist", "aria-label": label }, ...tabs));
  box.setAttribute("role", "tabpanel");
  box.setAttribute("aria-label", label);
}

function showSheet(sheet) {
  closeDetails();
  const number = sheets.indexOf(sheet);
  for (const tab of chooser.querySelectorAll("[role=tab]")) {
    const chosen = Number(tab.dataset.sheet) === number;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
  }
  const select = chooser.querySelector("select");
  if (select) select.value = number;
  for (const part of document.querySelectorAll("[data-sheet].ranges")) part.hidden = Number(part.dataset.sheet) !== number;
  drawToggles(sheet);
  redraw(sheet);
}

function redraw(sheet = view.sheet) {
  drawGrid(filtered(sheet));
  pointAt(null);
  const drawn = open && view.rows.length ? drawnAt(...open) : null;
  if (drawn) choose(drawn);
}

function choose(drawn) {
  table.querySelector(".chosen")?.classList.remove("chosen");
  drawn.classList.add("chosen");
  makeReachable(drawn);
  pointAt(drawn);
}

function openDetails(row, column) {
  const drawn = drawnAt(row, column);
  const top = drawn?.getBoundingClientRect().top;
  open = [row, column];
  drawDetails(view.sheet, row, column);
  panel.hidden = false;
  document.body.classList.add("open");
  if (drawn) {
    choose(drawn);
    keepInSight(drawn, top);
  }
  history.replaceState(null, "", address(view.sheet, row, column));
}

/** The panel makes the page narrower, or covers its lower part: the cell stays where it was, or above the panel. */
function keepInSight(drawn, top) {
  const covered = panel.getBoundingClientRect();
  const limit = covered.left > 0 ? innerHeight : covered.top;
  const wanted = Math.min(top, limit - 80);
  scrollBy({ top: drawn.getBoundingClientRect().top - wanted, behavior: "instant" });
}

function closeDetails() {
  if (!open) return;
  open = null;
  panel.hidden = true;
  panel.replaceChildren();
  document.body.classList.remove("open");
  table?.querySelector(".chosen")?.classList.remove("chosen");
  history.replaceState(null, "", address(view.sheet));
}

/** Show what the address names; a name that this report doesn't have is passed over. */
function followAddress() {
  const named = new URLSearchParams(location.hash.slice(1));
  const sheet = sheets.find((candidate) => candidate.link === named.get("sheet"));
  if (!sheet) return false;
  if (sheet !== view.sheet || !table) showSheet(sheet);
  const column = sheet.columns.indexOf(named.get("upstream"));
  const row = sheet.rows.findIndex(([version]) => version === named.get("downstream"));
  if (row < 0 || column < 0) {
    section.scrollIntoView();
    return true;
  }
  if (!drawnAt(row, column)) {
    form.reset(); // a link means the cell, whatever the filters say
    redraw();
  }
  openDetails(row, column);
  drawnAt(row, column)?.scrollIntoView({ block: "center", inline: "center" });
  return true;
}

const cellUnder = (event) => event.target.closest?.("#grid td:not(.off)");

box.addEventListener("click", (event) => {
  const drawn = cellUnder(event);
  if (drawn) openDetails(...placeOfDrawn(drawn));
});
box.addEventListener("pointerover", (event) => pointAt(cellUnder(event)));
box.addEventListener("pointerleave", () => pointAt(null));
box.addEventListener("focusin", (event) => {
  const drawn = cellUnder(event);
  if (!drawn) return;
  makeReachable(drawn);
  pointAt(drawn);
});
box.addEventListener("keydown", (event) => {
  const drawn = cellUnder(event);
  if (!drawn || event.altKey || event.metaKey) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    openDetails(...placeOfDrawn(drawn));
    document.getElementById("details-title").focus();
    return;
  }
  const next = destination(drawn, event);
  if (!next) return;
  event.preventDefault();
  next.focus();
  if (open) openDetails(...placeOfDrawn(next)); // an open panel follows
});

function closeAndReturn() {
  const back = open && drawnAt(...open);
  closeDetails();
  (back || section).focus();
}
panel.addEventListener("click", (event) => event.target.closest(".close") && closeAndReturn());
document.addEventListener("keydown", (event) => event.key === "Escape" && open && closeAndReturn());

chooser.addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (tab) chooseSheet(Number(tab.dataset.sheet));
});
chooser.addEventListener("change", (event) => chooseSheet(Number(event.target.value)));
chooser.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || event.target.getAttribute("role") !== "tab") return;
  event.preventDefault();
  const number = (Number(event.target.dataset.sheet) + step + sheets.length) % sheets.length;
  chooseSheet(number);
  chooser.querySelectorAll("[role=tab]")[number].focus();
});
function chooseSheet(number) {
  showSheet(sheets[number]);
  history.replaceState(null, "", address(sheets[number]));
}

let waiting = 0;
form.addEventListener("input", () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => redraw());
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => {
  pressAll();
  setTimeout(redraw); // the fields are emptied after this event
});
toggles.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
  redraw();
});
window.addEventListener("hashchange", followAddress);

drawChooser();
if (!sheets.length) section.hidden = true;
else if (!followAddress()) showSheet(sheets[0]);
