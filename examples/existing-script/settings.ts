/** What a project of your own has in files: key and certificate of the server, and who may log in. */
import { createDevelopmentCertificate, type AccountConfig } from "node-wot-binding-hiveot";

export const accounts: AccountConfig[] = [{ username: "alice", password: "a good password", role: "manager" }];

/** Both as PEM text; the options take paths of files too. */
export async function readCertificate(): Promise<{ serverKey: string; serverCert: string }> {
    const { key, cert } = await createDevelopmentCertificate();
    return { serverKey: key, serverCert: cert };
}
