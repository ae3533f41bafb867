// Says what is wrong with how a page stands there, by the boxes of its texts alone: fonts differ between machines, and
// what overlaps, is cut off or stands outside of the screen is wrong with any of them.

/** Everything wrong, one line each; `width` is that of the screen or the paper (px). */
export async function misplaced(page, width) {
  return page.evaluate((limit) => {
    for (const section of document.querySelectorAll("section")) section.style.contentVisibility = "visible";
    const slack = 1.5;
    const wrong = [];
    const named = ({ node, box }) =>
      `"${node.textContent.trim().slice(0, 40)}" in ${node.parentElement.closest("[class], [id], h1, h2, p")?.outerHTML.slice(0, 60)} at ${Math.round(box.left)},${Math.round(box.top)}`;

    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const parent = node.parentElement;
      if (!node.textContent.trim() || parent.closest("script, style, title, desc, .away, .skip") || !parent.checkVisibility()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      // What ends with an ellipsis is no wider than what holds it.
      const most = parent.closest(".name div")?.getBoundingClientRect().right ?? Infinity;
      const clipped = (box) => (box.right > most ? new DOMRect(box.left, box.top, Math.max(0, most - box.left), box.height) : box);
      for (const box of [...range.getClientRects()].map(clipped)) if (box.width > 0.5 && box.height > 0.5) texts.push({ node, box });
    }

    // What scrolls sideways by itself may be wider than the screen.
    const scrolls = (element) => element && (["auto", "scroll"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    const scrolling = new Map();
    const isScrolling = (element) => {
      if (!scrolling.has(element)) scrolling.set(element, scrolls(element));
      return scrolling.get(element);
    };
    const still = texts.filter(({ node }) => !isScrolling(node.parentElement));
    for (const text of still) {
      if (text.box.left < -slack || text.box.right > limit + slack) wrong.push(`outside of the ${limit} px: ${named(text)}`);
    }
    const wide = document.scrollingElement.scrollWidth;
    if (wide > limit + slack) wrong.push(`the page is ${wide} px wide, ${limit} px are there`);

    // Texts that are cut off by what holds them.
    for (const text of texts) {
      const holder = text.node.parentElement.closest("svg svg");
      const right = holder?.getBoundingClientRect().right;
      if (right !== undefined && getComputedStyle(holder).overflow !== "visible" && text.box.right > right + slack) wrong.push(`cut off: ${named(text)}`);
    }
    for (const element of document.querySelectorAll("main *, header *")) {
      const clips = ["hidden", "clip"].includes(getComputedStyle(element).overflowX) && !element.closest("svg, .away");
      if (clips && element.scrollWidth > element.clientWidth + slack) wrong.push(`cut off: ${element.outerHTML.slice(0, 80)}`);
    }

    // Texts over other texts.
    still.sort((one, other) => one.box.top - other.box.top);
    still.forEach((one, index) => {
      for (let at = index + 1; at < still.length && still[at].box.top < one.box.bottom - slack; at += 1) {
        const other = still[at];
        const shared = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const tall = Math.min(one.box.bottom, other.box.bottom) - other.box.top;
        if (one.node !== other.node && shared > slack && tall > Math.min(one.box.height, other.box.height) / 3) wrong.push(`over one another: ${named(one)} and ${named(other)}`);
      }
    });

    for (const plot of document.querySelectorAll(".plot")) {
      if (!plot.checkVisibility()) continue;
      const { width: across, height } = plot.getBoundingClientRect();
      if (across < Math.min(200, limit / 2) || height < 40) wrong.push(`a chart of ${Math.round(across)} x ${Math.round(height)} px: ${plot.querySelector("desc")?.textContent}`);
    }
    return [...new Set(wrong)].slice(0, 12);
  }, width);
}

/** How many points of two pictures of one size differ by what an eye can see; `page` is any page that may look at them. */
export async function differing(page, one, other) {
  return page.evaluate(async (encoded) => {
    const points = await Promise.all(encoded.map(async (png) => {
      const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0))], { type: "image/png" }));
      const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
      context.drawImage(picture, 0, 0);
      return context.getImageData(0, 0, picture.width, picture.height).data;
    }));
    let count = 0;
    for (let at = 0; at < points[0].length; at += 4) {
      if ([0, 1, 2].some((channel) => Math.abs(points[0][at + channel] - points[1][at + channel]) >= 8)) count += 1;
    }
    return count;
  }, [one, other].map((png) => png.toString("base64")));
}

/** How bright a picture is, 0 to 1, as the mean over its points; `page` is any page that may look at it. */
export async function brightness(page, png) {
  return page.evaluate(async (encoded) => {
    const picture = await createImageBitmap(new Blob([Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0))], { type: "image/png" }));
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, picture.width, picture.height);
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) sum += 0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2];
    return sum / (data.length / 4) / 255;
  }, png.toString("base64"));
}
