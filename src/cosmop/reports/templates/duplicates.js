(() => {
  const panel = document.querySelector(".decisions");
  const text = panel.querySelector("textarea");
  const save = panel.querySelector("a[download]");
  const decided = new Map();

  const show = () => {
    const lines = [...decided].map(([id, decision]) => `${id},${decision},`);
    text.value = lines.join("\n");
    panel.hidden = lines.length === 0;
    panel.querySelector("b").textContent = String(lines.length);
    const file = ["image_id,decision,note", ...lines, ""].join("\n");
    save.href = `data:text/csv;charset=utf-8,${encodeURIComponent(file)}`;
  };

  document.querySelector("main").addEventListener("click", (event) => {
    const button = event.target.closest("button[data-decision]");
    if (!button) return;
    const id = button.closest(".copy").dataset.id;
    const isNew = !decided.delete(id);
    if (isNew) decided.set(id, button.dataset.decision);
    button.setAttribute("aria-pressed", String(isNew));
    show();
  });

  panel.querySelector(".copy-lines").addEventListener("click", () => {
    text.select();
    document.execCommand("copy");
  });
})();
