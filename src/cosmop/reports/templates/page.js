(() => {
  const box = document.querySelector(".lightbox");
  const show = (image) => {
    const target = box.querySelector("img");
    target.src = image.src;
    target.alt = image.alt;
    target.classList.toggle("tiny", image.naturalWidth <= 64);
    const caption = image.closest("figure")?.querySelector("figcaption")?.textContent ?? "";
    box.querySelector("p").textContent = [image.alt, caption].filter(Boolean).join(" · ");
    box.showModal();
  };
  for (const image of document.querySelectorAll("header img.zoom, main img.zoom")) {
    image.tabIndex = 0;
    image.setAttribute("role", "button");
    image.addEventListener("click", () => show(image));
    image.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        show(image);
      }
    });
  }
  box.addEventListener("click", (event) => {
    if (event.target === box) box.close();
  });

  const slider = document.querySelector(".slider");
  if (slider) {
    const grids = [...document.querySelectorAll(".filmstrip img")];
    const range = slider.querySelector("input");
    const large = slider.querySelector("img");
    const turn = () => {
      const grid = grids[Number(range.value)];
      const caption = grid.closest("figure").querySelector("figcaption").textContent;
      large.src = grid.src;
      large.alt = grid.alt;
      slider.querySelector("figcaption").textContent = caption;
      range.setAttribute("aria-valuetext", caption);
    };
    const best = grids.findIndex((grid) => grid.closest(".best"));
    range.value = String(best >= 0 ? best : grids.length - 1);
    range.addEventListener("input", turn);
    turn();
    slider.hidden = false;
  }

  for (const form of document.querySelectorAll(".filters")) {
    const cells = [...form.parentElement.querySelectorAll(".gallery")];
    const boxes = [...form.querySelectorAll("[name=cell]")];
    const apply = () => {
      const low = form.low.valueAsNumber;
      const high = form.high.valueAsNumber;
      const wanted = form.shows ? form.shows.value : "";
      let shown = 0;
      let all = 0;
      cells.forEach((cell, index) => {
        cell.hidden = !boxes[index].checked;
        for (const tile of cell.querySelectorAll("[data-score]")) {
          const score = Number(tile.dataset.score);
          const isShown = tile.dataset.shows.split(" ");
          tile.hidden = score < low || score > high || (wanted !== "" && !isShown.includes(wanted));
          all += 1;
          shown += tile.hidden || cell.hidden ? 0 : 1;
        }
      });
      form.querySelector("output").textContent = `${shown} of ${all} pictures`;
    };
    form.addEventListener("input", apply);
    form.addEventListener("reset", () => setTimeout(apply));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    apply();
  }

  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });
})();
