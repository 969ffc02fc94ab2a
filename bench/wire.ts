import { type AddressInfo, connect, createServer, type Server } from 'node:net';

/** Stands before a server and counts the bytes that it sends, as they go over the wire: compressed, and with their headers. */
export class Wire {
  bytes = 0;
  readonly #server: Server;

  private constructor(to: string) {
    const { hostname, port } = new URL(to);
    this.#server = createServer((incoming) => {
      const onward = connect(Number(port), hostname);
      onward.on('data', (chunk) => {
        this.bytes += chunk.length;
      });
      incoming.pipe(onward).pipe(incoming);
      incoming.on('error', () => onward.destroy());
      onward.on('error', () => incoming.destroy());
      incoming.on('close', () => onward.destroy());
    });
  }

  static async before(url: string): Promise<Wire> {
    const wire = new Wire(url);
    await new Promise<void>((resolve) => wire.#server.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
  }
}
