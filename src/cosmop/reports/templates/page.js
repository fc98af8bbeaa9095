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
  for (const image of document.querySelectorAll("main img.zoom")) {
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

  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });
})();
