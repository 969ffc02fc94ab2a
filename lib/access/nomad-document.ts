// Written out, and not inferred from the schema in lambda/config: the types of the package must compile without zod's. That the
// schema takes this is checked where the construct puts it into the document.

/** The part of the configuration document that says how to reach Nomad. */
export type NomadDocument = HttpDocument | ClientsDocument | RunCommandDocument;

/** By HTTP or HTTPS to the servers; the fields are those of `HttpAccessProps`. */
interface HttpDocument extends NodesDocument, CredentialsDocument {
  via: 'http';
  address: string;
  fallbackAddresses?: string[] | undefined;
}

/** By HTTP or HTTPS to the clients of the groups; the fields are those of `ClientsAccessProps`. */
interface ClientsDocument extends NodesDocument, CredentialsDocument {
  via: 'clients';
  scheme?: 'http' | 'https' | undefined;
  port?: number | undefined;
}

/** Who the function is to Nomad, and how it knows that it talks to Nomad. */
interface CredentialsDocument {
  token?: ParameterDocument | undefined;
  login?: { authMethod: string; audience?: string | undefined } | undefined;
  ca?: ParameterDocument | undefined;
  clientCertificate?: ParameterDocument | undefined;
  clientKey?: ParameterDocument | undefined;
  serverName?: string | undefined;
}

/** By the `nomad` command of an instance. */
interface RunCommandDocument extends NodesDocument {
  via: 'ssm';
  /** The name of the Command document to run. */
  document: string;
  /** The instances that run it, by tag; by default those in service in the groups. */
  gateway?: { tag: string; value: string } | undefined;
}

/** What is said of Nomad's clients, however it is reached. */
interface NodesDocument {
  region?: string | undefined;
  nodeMetaKey?: string | undefined;
  outsideEc2?: { datacenters?: string[] | undefined; nodePools?: string[] | undefined } | undefined;
}

/** A parameter of Parameter Store, by its name. */
interface ParameterDocument {
  parameter: string;
}
