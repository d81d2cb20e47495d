"use strict";

// A basket that lives in the tab: the pages are files, and nothing is sent anywhere.
const VOUCHERS = { MILL10: 10 };

const find = (selector) => document.querySelector(selector);
const money = (cents) => (cents / 100).toFixed(2);
const kept = (name, other) => JSON.parse(sessionStorage.getItem(name)) ?? other;
const keep = (name, value) => sessionStorage.setItem(name, JSON.stringify(value));

const sum = (items) => items.reduce((added, each) => added + each.count * each.cents, 0);
const discount = (items, voucher) => Math.round((sum(items) * (VOUCHERS[voucher] ?? 0)) / 100);

function tell() {
  const items = kept("basket", []);
  const count = items.reduce((added, each) => added + each.count, 0);
  const things = count === 1 ? "1 thing" : `${count} things`;
  const empty = "Your basket is empty.";
  find("#basket").textContent = count ? `Basket: ${things}, ${money(sum(items))}` : empty;
}

function add(name, cents) {
  const items = kept("basket", []);
  const known = items.find((each) => each.name === name);
  if (known) known.count += 1;
  else items.push({ name, cents, count: 1 });
  keep("basket", items);
  tell();
}

function row(cells, kind = "") {
  const made = document.createElement("tr");
  made.className = kind;
  for (const [place, text] of cells.entries()) {
    const cell = made.insertCell();
    cell.textContent = text;
    cell.className = place ? "number" : "";
  }
  return made;
}

const PAGES = {
  shelf() {
    for (const each of document.querySelectorAll("tr[data-name]")) {
      const { name, cents } = each.dataset;
      const button = document.createElement("button");
      button.textContent = "Add";
      button.setAttribute("aria-label", `Add ${name}`);
      button.addEventListener("click", () => add(name, Number(cents)));
      each.append(...row([name, money(cents)]).cells);
      each.insertCell().append(button);
    }
    tell();
  },

  checkout() {
    const form = find("form");
    const told = () => {
      const items = kept("basket", []);
      const off = discount(items, form.voucher.value);
      const less = off ? `, ${money(off)} of it off` : "";
      find("#total").textContent = `To pay: ${money(sum(items) - off)}${less}`;
    };
    form.voucher.addEventListener("input", told);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      keep("order", Object.fromEntries(new FormData(form)));
      location.href = "receipt.html";
    });
    tell();
    told();
  },

  receipt() {
    const items = kept("basket", []);
    const order = kept("order", {});
    const off = discount(items, order.voucher);
    const lines = items.map((each) => [each.name, each.count, money(each.count * each.cents)]);
    if (off) lines.push([`Voucher ${order.voucher}`, "", money(-off)]);
    lines.push(["To pay", "", money(sum(items) - off)]);
    find("tbody").append(...lines.map((cells) => row(cells, cells[0] === "To pay" ? "sum" : "")));
    find("#thanks").textContent = `${order.name}, ${order.street}: it comes on ${order.day}.`;
    const quoted = [["what", "how many", "cost"], ...lines].map((cells) =>
      cells.map((cell) => `"${cell}"`).join(","),
    );
    const file = new Blob([`${quoted.join("\n")}\n`], { type: "text/csv" });
    find("#save").href = URL.createObjectURL(file);
  },
};

document.addEventListener("DOMContentLoaded", () => PAGES[document.body.dataset.page]());
