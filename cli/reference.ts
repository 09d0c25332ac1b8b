/** `npm run docs`: writes the pages of docs/ that are made from tables in the sources. */
import { writeFileSync } from "node:fs";
import { codeReference } from "./code_reference.ts";
import { configurationReference } from "./configuration_reference.ts";

const docs = new URL("../docs/", import.meta.url);
writeFileSync(new URL("configuration.md", docs), configurationReference());
writeFileSync(new URL("codes.md", docs), codeReference());
