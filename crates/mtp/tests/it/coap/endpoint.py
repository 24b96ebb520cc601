"""An Endpoint on aiocoap: posts Records, and expects each of them back at its own resource.

Arguments: own port, the other's URI, the files with the Records.
"""

import asyncio
import sys

import aiocoap
import aiocoap.resource as resource

PORT, OTHER, FILES = int(sys.argv[1]), sys.argv[2], sys.argv[3:]


class Usp(resource.Resource):
    def __init__(self):
        super().__init__()
        self.got = asyncio.Queue()

    async def render_post(self, request):
        await self.got.put((request.payload, request.opt.content_format, request.opt.uri_query))
        return aiocoap.Message(code=aiocoap.CHANGED)


async def main():
    site, usp = resource.Site(), Usp()
    site.add_resource(["usp"], usp)
    bind = ("127.0.0.1", PORT)
    context = await aiocoap.Context.create_server_context(site, bind=bind, transports=["udp6"])

    async def ask(**how):
        return await context.request(aiocoap.Message(**how)).response

    core = await ask(code=aiocoap.GET, uri=OTHER.replace("/usp", "/.well-known/core"))
    print("core", core.payload.decode())
    wrong = await ask(code=aiocoap.POST, uri=OTHER, payload=b"{}", content_format=50)
    print("wrong format", wrong.code)
    for file in FILES:
        record = open(file, "rb").read()
        to = f"{OTHER}?reply-to=coap://127.0.0.1:{PORT}/usp"
        posted = await ask(code=aiocoap.POST, uri=to, payload=record, content_format=42)
        print("posted", posted.code)
        payload, content_format, query = await asyncio.wait_for(usp.got.get(), 60)
        print("got", "the same" if payload == record else "another", int(content_format), *query)
    await context.shutdown()


asyncio.run(main())
