// Makes a password easier to type. Without this script the form works all the same.
// The one that is being chosen, or else the one that is asked for.
const field = document.querySelector("[data-least]") ?? document.getElementById("password");
const PAUSE = 500;

// A place for words that come later: a screen reader says them when it has nothing else to say.
function addStatus(className) {
  const status = document.createElement("p");
  status.className = className;
  status.setAttribute("role", "status");
  field.closest(".field").append(status);
  return status;
}

function addShowButton() {
  const button = document.createElement("button");
  const status = addStatus("unseen");
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-label", `${button.textContent} password`);
  };
  button.type = "button";
  button.className = "quiet";
  button.setAttribute("aria-controls", field.id);
  button.addEventListener("click", () => {
    show(field.type === "password");
    status.textContent = field.type === "text" ? "Your password is shown." : "Your password is hidden.";
  });
  // A browser remembers what was sent as plain text.
  field.form.addEventListener("submit", () => show(false));
  show(false);
  field.after(button);
}

// Advice only: whether a password will do is for the server to say.
function advise(password, least) {
  const signs = [...password.normalize("NFKC")];
  const missing = least - signs.length;
  const different = new Set(password.toLowerCase()).size;
  const bits = signs.length * Math.log2(different);
  if (signs.length === 0) return ["", ""];
  if (missing > 0) return ["1", missing === 1 ? "One more character to go." : `${missing} more characters to go.`];
  if (different < 6) return ["1", "Weak: always the same few characters. Add other words."];
  if (bits < 60) return ["2", "Fair. Another word makes it much stronger."];
  if (bits < 80) return ["3", "Good."];
  return ["4", "Strong."];
}

function addStrength(least) {
  const status = addStatus("strength");
  let pause;
  const tell = () => {
    const [level, words] = advise(field.value, least);
    status.dataset.level = level;
    status.textContent = words;
  };
  field.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(tell, PAUSE);
  });
}

addShowButton();
if (field.dataset.least) addStrength(Number(field.dataset.least));
