// A picture of the reader's own. The page shrinks its middle square, so that a frame's request stays short; the value is
// that square as a JPEG in base64, "" for none. The file itself goes nowhere.

class Upload {
  constructor(control, session) {
    Object.assign(this, { control, session, name: control.name });
    const { label, help } = control;
    this.input = make("input", "ck-upload", { type: "file", accept: "image/*", title: help });
    this.input.setAttribute("aria-label", label);
    this.input.dataset.name = this.name;
    this.input.addEventListener("change", () => this.take(this.input.files[0]));
    this.hint = make("span", "ck-hint");
    this.hint.setAttribute("aria-live", "polite");
    this.remove = make("button", "ck-button", { type: "button", textContent: "Remove" });
    this.remove.setAttribute("aria-label", `remove: ${label}`);
    this.remove.addEventListener("click", () => session.set({ [this.name]: "" }, true));
    const choose = make("label", "ck-button ck-choose-file", { title: help }, "Choose …", this.input);
    this.row = make("div", "ck-row ck-own", {}, make("span", "ck-label", { textContent: label }), choose, this.remove, this.hint);
  }
  async take(file) {
    if (!file) return;
    this.input.value = ""; // the same file can be chosen again
    try {
      const value = await middleOf(file, this.control.side);
      this.session.set({ [this.name]: value }, true);
      this.hint.textContent = file.name;
    } catch {
      this.hint.textContent = `${file.name} is no picture that this page can read`;
    }
  }
  follow(value) {
    this.remove.hidden = !value;
    if (!value) this.hint.textContent = "";
  }
}

// The middle square of a picture, at most so many pixels wide: upright, as its EXIF says, over white.
async function middleOf(file, most) {
  const image = await createImageBitmap(file);
  const square = Math.min(image.width, image.height);
  const side = Math.min(most, square);
  const canvas = make("canvas", "", { width: side, height: side });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, side, side);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, (image.width - square) / 2, (image.height - square) / 2, square, square, 0, 0, side, side);
  image.close();
  return canvas.toDataURL("image/jpeg", 0.95).split(",")[1];
}

dials.upload = Upload;
