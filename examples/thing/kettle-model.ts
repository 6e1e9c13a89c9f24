/** The Thing Model of a kettle: what all kettles of this kind have in common. `{{…}}` stands for what each has of its own. */
export const KETTLE_MODEL = {
    "@context": ["https://www.w3.org/2022/wot/td/v1.1"],
    "@type": "tm:ThingModel",
    id: "{{ID}}",
    title: "Kettle in the {{PLACE}}",
    version: { model: "1.0.0" },
    properties: {
        // uriVariables reach the read handler parsed and checked by their schema
        temperature: {
            type: "number",
            readOnly: true,
            observable: true,
            uriVariables: { unit: { type: "string", enum: ["celsius", "fahrenheit"] } },
        },
        target: { type: "integer", minimum: 40, maximum: "{{HOTTEST}}", observable: true },
        label: { type: "string" },
    },
    actions: {
        heat: { description: "Heats to the target; progress is the temperature", output: { type: "number" } },
        cool: { description: "Cold water in place of the hot" },
        pour: { description: "Pours so many millilitres", input: { type: "integer", minimum: 1 } },
    },
    events: {
        boiling: { description: "The water boils", data: { type: "number" } },
    },
} as const;
