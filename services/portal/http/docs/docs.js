'use strict';
// Shows /openapi.json. All text becomes text nodes: nothing in it is ever taken for markup.
const page = document.getElementById('page');

function make(name, ...children) {
  const node = document.createElement(name);
  for (const child of children) {
    if (child !== null && child !== undefined) node.append(child);
  }
  return node;
}

function styled(name, style, text) {
  const node = make(name, text);
  node.className = style;
  return node;
}

// Paragraphs of a comment; `words` between backticks are code.
function paragraphs(text) {
  return (text || '').split('\n\n').filter(Boolean).map((paragraph) => {
    const parts = paragraph.split('`').map((part, i) => (i % 2 === 1 ? make('code', part) : part));
    return make('p', ...parts);
  });
}

function typeOf(schema) {
  if (!schema) return '';
  if (schema.$ref) {
    const name = schema.$ref.split('/').pop();
    const link = make('a', name);
    link.href = '#' + encodeURIComponent(name);
    return link;
  }
  if (schema.type === 'array') return make('span', 'list of ', typeOf(schema.items));
  if (schema.enum) return make('span', schema.enum.join(' | '));
  return schema.format ? `${schema.type} (${schema.format})` : schema.type;
}

function rows(entries) {
  const table = make('table');
  for (const [name, schema, required, about] of entries) {
    const flags = [required ? 'required' : '', schema && schema.readOnly ? 'read only' : ''].filter(Boolean);
    table.append(make('tr', make('td', make('code', name)), make('td', typeOf(schema)),
      make('td', flags.join(', ')), make('td', ...paragraphs(about || (schema && schema.description)))));
  }
  return table;
}

function properties(schema) {
  const required = new Set(schema.required || []);
  return rows(Object.entries(schema.properties || {}).map(([name, inner]) => [name, inner, required.has(name)]));
}

function operation(path, verb, said) {
  const box = make('details', make('summary', styled('span', 'verb', verb.toUpperCase()), make('code', path),
    styled('span', 'about', said.summary || '')));
  box.append(...paragraphs(said.description));
  if (said.parameters) {
    box.append(make('h4', 'Parameters'),
      rows(said.parameters.map((p) => [`${p.name} (${p.in})`, p.schema, p.required, p.description])));
  }
  if (said.requestBody) {
    const schema = said.requestBody.content['application/json'].schema;
    box.append(make('h4', 'Body'), schema.$ref ? make('p', typeOf(schema)) : properties(schema));
  }
  box.append(make('h4', 'Answers'), rows(Object.entries(said.responses).map(([status, answer]) => {
    const content = Object.values(answer.content || {})[0];
    return [status, content ? content.schema : null, false, answer.description || (answer.$ref ? 'A problem.' : '')];
  })));
  box.dataset.words = `${verb} ${path} ${said.description || ''}`.toLowerCase();
  return box;
}

function show(document_) {
  page.replaceChildren(...paragraphs(document_.info.description));
  for (const tag of document_.tags) {
    page.append(make('h2', tag.name), ...paragraphs(tag.description));
    for (const [path, verbs] of Object.entries(document_.paths)) {
      for (const [verb, said] of Object.entries(verbs)) {
        if (said.tags.includes(tag.name)) page.append(operation(path, verb, said));
      }
    }
  }
  page.append(make('h2', 'Messages'));
  for (const [name, schema] of Object.entries(document_.components.schemas)) {
    const box = make('details', make('summary', make('code', name)));
    box.id = encodeURIComponent(name);
    box.append(...paragraphs(schema.description), properties(schema));
    box.dataset.words = name.toLowerCase();
    page.append(box);
  }
}

document.getElementById('search').addEventListener('input', (event) => {
  const word = event.target.value.toLowerCase();
  for (const box of page.querySelectorAll('details')) box.hidden = !box.dataset.words.includes(word);
});
window.addEventListener('hashchange', () => {
  const box = document.getElementById(location.hash.slice(1));
  if (box) { box.open = true; box.scrollIntoView(); }
});
fetch('/openapi.json').then((answer) => answer.json()).then(show).catch((error) => {
  page.replaceChildren(make('p', `The document cannot be read: ${error}`));
});
