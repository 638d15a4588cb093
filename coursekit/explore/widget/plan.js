// How pictures and controls share a room: arithmetic in CSS pixels, without the page. Pictures keep their proportions
// and stand beside the controls or above them; controls stand in one to three columns, and are scrolled if need be.

const SPACE = {
  gap: 28, // between pictures and controls, and between columns of controls
  near: 12, // between two pictures
  rows: 10, // between two rows of pictures
  step: 0.02, // shares of a picture's usual width that are tried
  least: 0.2,
  widest: 420, // of a column of controls
  seen: 66, // of the controls, however large the pictures: two of them
};

// `rows` of columns {width, tall, words}: a column's width and its pictures' height as they are usually, and the height of
// what does not shrink with them. The size of the whole if pictures shrink to `scale` and rows are broken at `width`, and
// the scale of the picture that shrinks most, since none is wider than that.
function flowed(rows, scale, width) {
  let [wide, tall, lines, shown] = [0, 0, 0, scale];
  for (const row of rows) {
    let [x, line] = [0, 0];
    for (const column of row) {
      const own = Math.min(column.width * scale, width);
      const high = (column.tall * own) / column.width + column.words;
      if (x && x + SPACE.near + own > width + 0.5) [x, tall, line, lines] = [0, tall + line + SPACE.near, 0, lines + 1];
      x += own + (x ? SPACE.near : 0);
      line = Math.max(line, high);
      wide = Math.max(wide, x);
      shown = Math.min(shown, own / column.width);
    }
    [tall, lines] = [tall + line, lines + 1];
  }
  return { wide, tall: tall + SPACE.rows * (rows.length - 1), lines, shown };
}

// `controls`: {wide, heights}, the least width of a column and the height in one, two, three columns. `readout(width)`: the
// height of the line below the pictures. `most`: the largest scale. The best of all ways: large pictures, all controls.
function plan({ rows, readout, controls, room, most = 1 }) {
  let best = null;
  for (const way of ways(controls, room))
    for (let scale = most; scale >= SPACE.least - 1e-9; scale -= SPACE.step) {
      const size = flowed(rows, scale, way.width);
      const tall = size.tall + readout(size.wide);
      const left = way.beside ? room.height : room.height - tall - SPACE.rows;
      const seen = Math.min(1, left / controls.heights[way.columns - 1]);
      const broken = size.lines > rows.length;
      const fits = tall <= room.height && (way.beside || left >= Math.min(SPACE.seen, controls.heights[way.columns - 1]));
      const worth = (fits ? 1 : 1e-3 / tall) * size.shown * seen * (broken ? 0.8 : 1) * way.worth;
      if (!best || worth > best.worth + 1e-9) best = { ...way, worth, scale, stage: size.wide, tall, left };
    }
  return { ...best, side: sideOf(best, room) };
}

function ways({ wide, heights }, { width }) {
  const found = [];
  heights.forEach((_, i) => {
    const [columns, controls] = [i + 1, (i + 1) * (wide + SPACE.gap) - SPACE.gap];
    if (width - controls - SPACE.gap > 80) found.push({ beside: true, columns, width: width - controls - SPACE.gap, worth: 1 });
    if (!i || controls <= width) found.push({ beside: false, columns, width, worth: 0.92 });
  });
  return found;
}

function sideOf({ beside, columns, stage }, { width }) {
  const most = columns * (SPACE.widest + SPACE.gap) - SPACE.gap;
  return Math.floor(Math.min(most, beside ? width - stage - SPACE.gap : width));
}
