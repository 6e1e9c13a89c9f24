// What the linter enforces beyond typescript-eslint's strict rules: imports point one way (design.md, "Rooms").
//     role files (src/*.ts) -> rooms (src/*/) -> lib/
// Each room is described by the specifiers that it may import; everything else is an error, whichever way it is imported.
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const SELF = "node-wot-binding-hiveot(/.*)?"; // tsconfig.json maps our own name to src/ and lib/
const HERE = "\\./(?!.*\\.\\.)[^]*"; // this folder and below, and no way back up from there

/**
 * @param {string[]} files globs of the room
 * @param {string} allowed source of a regular expression that a whole specifier must match
 * @param {string} message what the room may import
 */
function room(files, allowed, message) {
    const regex = `^(?!(${allowed})$)`;
    // In a selector the slash ends the regular expression
    const value = `[value=/${regex.replaceAll("/", "\\u002F")}/]`;
    const selectors = [
        `ImportExpression > Literal.source${value}`,
        `TSImportType > Literal.source${value}`,
        `CallExpression[callee.name="require"] > Literal${value}`,
        // What is computed cannot be judged
        'ImportExpression > :not(Literal).source, CallExpression[callee.name="require"] > :not(Literal).arguments',
    ];
    return {
        files,
        rules: {
            "@typescript-eslint/no-restricted-imports": ["error", { patterns: [{ regex, message }] }],
            "no-restricted-syntax": ["error", ...selectors.map((selector) => ({ selector, message }))],
        },
    };
}

const LIB = "lib/ imports only lib/ and eventsource-parser: it runs in a browser";

export default defineConfig(
    globalIgnores(["dist/", "coverage/", "test/fixtures/"]),
    {
        files: ["**/*.ts"],
        extends: [tseslint.configs.strictTypeChecked],
        languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
        linterOptions: { reportUnusedDisableDirectives: "error" },
        rules: {
            eqeqeq: "error",
            "no-restricted-properties": [
                "error",
                { object: "URL", property: "canParse", message: "That of Node 20 is wrong at times: see lib/urls.ts" },
            ],
            // node-wot, Express and ajv are duck-typed across copies and prototypes (node-wot.md, "Small things")
            "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
            "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
            "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
            "@typescript-eslint/no-unnecessary-condition": [
                "error",
                { allowConstantLoopConditions: "only-allowed-literals" },
            ],
            "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
        },
    },

    room(["lib/**/*.ts"], `eventsource-parser|${HERE}`, LIB),
    room(["lib/*/*.ts"], `eventsource-parser|(\\./|\\.\\./)(?!.*\\.\\.)[^]*`, LIB),
    {
        files: ["lib/**/*.ts"],
        rules: {
            "no-restricted-globals": [
                "error",
                {
                    globals: [
                        "Buffer",
                        "process",
                        "global",
                        "setImmediate",
                        "clearImmediate",
                        "__dirname",
                        "__filename",
                    ].map((name) => ({ name, message: "lib/ runs in a browser too" })),
                    checkGlobalObject: true,
                },
            ],
        },
    },
    // A package is what starts with neither a dot nor a slash
    room(
        ["src/*/**/*.ts"],
        `(?!\\.|/|${SELF}$)[^]*|${HERE}|\\.\\./\\.\\./lib(/(?!.*\\.\\.)[^]*)?`,
        "A room imports only itself, lib/ and packages: role files (src/*.ts) wire rooms"
    ),
    room(
        ["test/conformance/raw/**/*.ts"],
        `(?!\\.|/|${SELF}$)[^]*|${HERE}`,
        "The raw parts know the protocol from protocol.md alone: they import only their own folder and packages"
    ),

    {
        files: ["test/**/*.ts", "examples/**/*.ts"],
        rules: {
            // Thing handlers are async by their type, with or without something to wait for
            "@typescript-eslint/require-await": "off",
        },
    },
    {
        files: ["test/**/*.ts"],
        rules: {
            "@typescript-eslint/no-unused-expressions": "off", // expect(x).to.be.true
            "@typescript-eslint/no-non-null-assertion": "off", // the test fails where it is wrong
            "@typescript-eslint/no-unsafe-assignment": "off", // JSON off the wire goes straight into an assertion
            "@typescript-eslint/no-unsafe-member-access": "off",
            "@typescript-eslint/no-unsafe-argument": "off",
        },
    }
);
