/** Compiles the Java programs of the interop tests, where there is a JDK and Maven: once, before suites that run side by side. */
import { buildJava, findToolchain, interopJavaDirectory } from "./toolchain.ts";

const toolchain = findToolchain();
if (typeof toolchain !== "string") buildJava(toolchain, interopJavaDirectory, ["apache", "current", "older"]);
