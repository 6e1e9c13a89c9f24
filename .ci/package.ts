/**
 * The package as a user gets it: packed, installed into an empty project outside of this tree, and used there from CommonJS and
 * ESM, JavaScript and TypeScript. Needs a build.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import ts from "typescript";

const root = resolve(__dirname, "..");
const temp = mkdtempSync(join(tmpdir(), "hiveot-package-"));

/** Runs a program; throws with what it printed if it fails. */
function run(cwd: string, command: string, ...args: string[]): void {
    // A minute is far more than a script needs; npm may have to wait for the registry
    const timeout = command === "npm" ? 300_000 : 60_000;
    execFileSync(command, args, { cwd, timeout, stdio: ["ignore", "pipe", "pipe"] });
}

/** Makes a project that has nothing but the tarball and what the README tells users to install beside it. */
function project(name: string, tarball: string, manifest: object, devDependencies: string[]): string {
    const folder = join(temp, name);
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, ...manifest }));
    run(folder, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline", tarball, "@node-wot/core");
    run(folder, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "--save-dev", ...devDependencies);
    return folder;
}

/** Type-checks consumer.cts, consumer.mts and what else is asked for, as strictly as can be, and runs the two. */
function typescript(folder: string, skipLibCheck: boolean, ...others: string[]): void {
    for (const target of ["consumer.cts", "consumer.mts"])
        copyFileSync(join(root, "test/package/consumer.ts"), join(folder, target));
    for (const file of others) copyFileSync(join(root, "test/types", file), join(folder, file));
    const compilerOptions = {
        module: "node20",
        target: "es2022",
        strict: true,
        types: ["node"],
        rootDir: ".",
        outDir: "out",
        skipLibCheck,
    };
    writeFileSync(
        join(folder, "tsconfig.json"),
        JSON.stringify({ compilerOptions, files: ["consumer.cts", "consumer.mts", ...others] })
    );
    run(folder, process.execPath, require.resolve("typescript/lib/tsc.js"), "-p", ".");
    run(folder, process.execPath, "out/consumer.cjs");
    run(folder, process.execPath, "out/consumer.mjs");
}

/** The README's block of JSON with `overrides`: what users paste is what is tested. */
function readmeManifest(): object {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    for (const [, block = ""] of readme.matchAll(/^```json\n(.*?)^```/gms))
        if (block.includes('"overrides"')) return JSON.parse(block) as object;
    throw new Error('README.md has no ```json block with "overrides"');
}

/** Names of exported types that public-types.ts does not list. */
function unlistedTypes(): string[] {
    const entries = ["dist/src/index.d.ts", "dist/lib/index.d.ts"].map((file) => join(root, file));
    const program = ts.createProgram(entries, { module: ts.ModuleKind.Node20, target: ts.ScriptTarget.ES2022 });
    const checker = program.getTypeChecker();
    const listed = readFileSync(join(root, "test/types/public-types.ts"), "utf8");
    const names = entries.flatMap((entry) => {
        const source = program.getSourceFile(entry);
        const module = source && checker.getSymbolAtLocation(source);
        if (module === undefined) throw new Error(`${entry} is missing or exports nothing`);
        const isValue = (symbol: ts.Symbol) =>
            (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol).flags &
            ts.SymbolFlags.Value;
        return checker
            .getExportsOfModule(module)
            .filter((symbol) => !isValue(symbol))
            .map((symbol) => symbol.name);
    });
    return [...new Set(names)].filter((name) => !new RegExp(`^    ${name}: `, "m").test(listed));
}

try {
    const unlisted = unlistedTypes();
    if (unlisted.length > 0) throw new Error(`test/types/public-types.ts does not list ${unlisted.join(", ")}`);

    run(root, "npm", "pack", "--loglevel", "error", "--pack-destination", temp);
    const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, string>;
    const tarball = join(temp, `${name}-${version}.tgz`);

    const plain = project("plain", tarball, {}, ["@types/node@20"]);
    for (const script of ["scenario.cjs", "consumer.cjs", "consumer.mjs"])
        copyFileSync(join(root, "test/package", script), join(plain, script));
    run(plain, process.execPath, "consumer.cjs");
    run(plain, process.execPath, "consumer.mjs");
    typescript(plain, true);

    const strict = project("strict", tarball, readmeManifest(), ["@types/node@20", "@types/debug"]);
    typescript(strict, false, "public-types.ts");
} catch (error) {
    // The message has what a failed program wrote to stderr; tsc writes to stdout
    const stdout = error instanceof Error && "stdout" in error ? String(error.stdout) : "";
    const message = error instanceof Error ? error.message : String(error);
    console.error(`${message}\n${stdout}`.replaceAll(/^unknown format .*\n/gm, "")); // core says it dozens of times
    process.exitCode = 1;
} finally {
    rmSync(temp, { recursive: true, force: true });
}
