"""The only script of the HTML report: numbers at the pointer, tables to sort and filter, all opened for print.

The page says everything without it. The page's policy names its hash, so no other script can run in it.
"""

from __future__ import annotations

import base64
import hashlib

SCRIPT = r"""
(function () {
  "use strict";
  var tip = document.createElement("div");
  tip.className = "tip"; tip.hidden = true; tip.setAttribute("aria-hidden", "true");
  document.body.appendChild(tip);
  document.querySelectorAll("svg title").forEach(function (title) {
    var mark = title.parentNode;
    if (mark.tagName.toLowerCase() === "svg") { return; }
    mark.setAttribute("data-tip", title.textContent);
    title.remove();
  });
  function show(event) {
    var mark = event.target.closest ? event.target.closest("[data-tip]") : null;
    tip.hidden = !mark;
    if (!mark) { return; }
    tip.textContent = mark.getAttribute("data-tip");
    var left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8);
    var top = event.clientY + 18;
    if (top + tip.offsetHeight > window.innerHeight) { top = event.clientY - tip.offsetHeight - 10; }
    tip.style.left = Math.max(4, left) + "px";
    tip.style.top = Math.max(4, top) + "px";
  }
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
  document.addEventListener("keydown", function (event) { if (event.key === "Escape") { tip.hidden = true; } });

  function value(cell) {
    var text = cell ? cell.textContent.trim() : "";
    var number = parseFloat(text.replace(/,/g, ""));
    return /^[-+]?[\d.,]/.test(text) && !isNaN(number) ? number : text.toLowerCase();
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") { return a - b; }
    if (typeof a !== typeof b) { return typeof a === "number" ? -1 : 1; }
    return a < b ? -1 : a > b ? 1 : 0;
  }
  document.querySelectorAll("table").forEach(function (table) {
    var body = table.tBodies[0];
    if (!body || body.rows.length < 6) { return; }
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
      var button = document.createElement("button");
      button.type = "button"; button.textContent = head.textContent; button.title = "Sort by this column";
      head.textContent = ""; head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        Array.prototype.forEach.call(table.tHead.rows[0].cells, function (th) { th.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        var rows = Array.prototype.slice.call(body.rows);
        var kept = rows.filter(function (row) { return row.className === "total"; });
        rows = rows.filter(function (row) { return row.className !== "total"; });
        rows.sort(function (a, b) {
          return (down ? -1 : 1) * compare(value(a.cells[column]), value(b.cells[column]));
        });
        rows.concat(kept).forEach(function (row) { body.appendChild(row); });
      });
    });
    if (body.rows.length < 20) { return; }
    var filter = document.createElement("input");
    filter.type = "search"; filter.placeholder = "Filter rows"; filter.className = "filter";
    filter.setAttribute("aria-label", "Filter the rows of: " + table.caption.textContent);
    filter.addEventListener("input", function () {
      var words = filter.value.toLowerCase().split(/\s+/);
      Array.prototype.forEach.call(body.rows, function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (word) { return text.indexOf(word) >= 0; });
      });
    });
    var region = table.closest(".scroll") || table;
    region.parentNode.insertBefore(filter, region);
  });
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details:not(.data)").forEach(function (part) { part.open = true; });
  });
})();
"""


def script_hash() -> str:
    """Return the script's hash as a content security policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()}"
