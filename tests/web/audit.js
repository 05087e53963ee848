// What a person needs of a page, judged on the rendered page: WCAG 2.2 AA as far as a program can tell. Returns JSON: texts, faults.
() => {
  const faults = [];
  const fault = (kind, element, detail = "") =>
    faults.push([kind, element ? element.outerHTML.slice(0, 120) : "", String(detail)]);
  const shown = (element) => {
    const style = getComputedStyle(element);
    return style.visibility === "visible" && style.display !== "none" && element.getClientRects().length > 0;
  };
  const channels = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((one) => {
      const part = one / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const paper = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (ink, ground) => {
    const [low, high] = [luminance(ink), luminance(ground)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };

  if (!document.documentElement.lang) fault("lang", document.documentElement);
  if (!document.title.trim()) fault("title", document.head);
  for (const landmark of ["header", "main", "footer"]) {
    if (document.querySelectorAll(`body > ${landmark}`).length !== 1) fault("landmark", null, landmark);
  }

  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(shown);
  if (headings.filter((one) => one.tagName === "H1").length !== 1) fault("heading", null, "one h1");
  headings.reduce((before, one) => {
    const level = Number(one.tagName[1]);
    if (level > before + 1) fault("heading", one, `after h${before}`);
    return level;
  }, 0);

  const seen = new Set();
  for (const one of document.querySelectorAll("[id]")) {
    if (seen.has(one.id)) fault("id", one);
    seen.add(one.id);
  }
  for (const one of document.querySelectorAll("[aria-labelledby], [aria-describedby]")) {
    const wanted = one.getAttribute("aria-labelledby") || one.getAttribute("aria-describedby");
    if (!document.getElementById(wanted)) fault("reference", one);
  }

  for (const one of document.querySelectorAll("input:not([type=hidden]):not([hidden]), select, textarea")) {
    if (!one.labels.length && !one.getAttribute("aria-label")) fault("label", one);
  }
  for (const one of document.querySelectorAll("button, a[href], summary")) {
    if (!one.textContent.trim() && !one.getAttribute("aria-label")) fault("name", one);
  }
  for (const one of document.querySelectorAll("button, a.button, input:not([type=hidden]), select, summary, a[href]")) {
    if (!shown(one) || one.classList.contains("skip")) continue;
    const box = one.getBoundingClientRect();
    const line = parseFloat(getComputedStyle(one).lineHeight) || box.height;
    if (box.height < 18 || (one.matches("button, .button, input, select") && box.height < 24) || line < 18) fault("target", one, box.height);
  }

  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !shown(element) || element.closest(".unseen, option")) continue;
    texts += 1;
    const style = getComputedStyle(element);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    const found = contrast(channels(style.color), paper(element));
    if (found < (large ? 3 : 4.5)) fault("contrast", element, found.toFixed(2));
  }
  for (const one of document.querySelectorAll("input:not([type=hidden]):not([hidden]), select")) {
    const found = contrast(channels(getComputedStyle(one).borderTopColor), paper(one.parentElement));
    if (found < 3) fault("contrast", one, `border ${found.toFixed(2)}`);
  }
  for (const one of document.querySelectorAll("li > .badge, .head .badge")) {
    if (!/\p{L}/u.test(one.textContent)) fault("colour", one, "a state without a word");
  }

  const root = document.scrollingElement;
  if (root.scrollWidth > root.clientWidth) fault("overflow", root, `${root.scrollWidth} > ${root.clientWidth}`);
  return JSON.stringify({ texts, faults });
}
