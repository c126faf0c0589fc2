// Runs before the first paint (a classic script in <head>): the chosen theme, or the system's.
(() => {
  const chosen = localStorage.getItem("anyon.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
